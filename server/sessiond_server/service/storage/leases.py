"""The port of leases: how an exchange at a provider ends, for whoever has the exclusive right to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.sessions import (
    Leased,
    NotRotated,
    ProviderTokens,
    RevocationResult,
    Rotated,
    Rotation,
)


@dataclass(frozen=True, slots=True)
class Moved:
    """Another call has rotated the session meanwhile: what this one brought has no place any more."""


class LeaseEnd(Enum):
    """What is said of an exchange that brought nothing: it did not take place, or nobody knows."""

    RELEASE = "RELEASE"
    DOUBT = "DOUBT"


class SessionLeases(Protocol):
    """How an exchange at a provider ends for whoever holds the lease; fails as `SessionStore` does."""

    async def commit(
        self, rotation: Rotation, leased: Leased, tokens: ProviderTokens
    ) -> Rotated | NotRotated | Moved:
        """Store what the exchange brought, and the successor, if state and generation are those of the lease.

        It does not matter whether the lease has run out. The same commit again has the same result.
        """

    async def hold(
        self, rotation: Rotation, leased: Leased, refresh_token: str, *, refresh_life_ms: int | None
    ) -> float | None:
        """Keep a refresh token whose access token cannot be handed out, and give the lease back.

        `refresh_life_ms` is as in `ProviderTokens`.

        The session stays at its generation. The result is how many seconds the next exchange has to wait, or
        None where another call has leased, rotated or ended the session meanwhile.
        """

    async def release(self, rotation: Rotation, end: LeaseEnd, *, doubt_age_ms: int | None = None) -> None:
        """Give the lease back, if it is still held; the presented token stays good.

        `doubt_age_ms` is that of the lease: where nothing took place under it, a doubt stays as old as it is.
        """

    async def end_leased(
        self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None
    ) -> RevocationResult:
        """End the session if the lease is still held.

        The provider's refresh token that is stored, and the one just `brought`, are to be revoked there.
        """
