"""The port of what waits to be revoked at providers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.identifiers import SessionId


@dataclass(frozen=True, slots=True, repr=False)
class QueuedRevocation:
    """A provider's refresh token that is to be revoked there; `raw` is what the queue holds.

    `client_id` is the client that it was issued to: nobody else can revoke it (RFC 7009 §2.1).
    """

    issuer: str
    client_id: str
    refresh_token: str
    raw: bytes


class ProviderRevocations(Protocol):
    """The refresh tokens of ended sessions and refused logins that wait to be revoked at their provider.

    Those of ended sessions are queued by the scripts that end them.
    """

    async def add(self, session: SessionId, *, issuer: str, client_id: str, refresh_token: str) -> bool:
        """Queue what a refused login brought; False where there is no room.

        `session` is an id that no session has, and places it. Refused logins have half of the room, so that
        they never take that of ended sessions.

        Raises:
            StoreUnavailableError: the store did not answer.
        """

    async def take(self) -> QueuedRevocation | None:
        """The token that has waited longest; nobody else gets it for a minute, unless it is put back.

        Raises:
            StoreUnavailableError: the store did not answer.
        """

    async def count(self) -> int:
        """How many wait, those that somebody has taken and not settled included.

        Raises:
            StoreUnavailableError: the store did not answer.
        """

    async def put_back(self, queued: QueuedRevocation) -> None:
        """Queue it again: the provider could not be asked."""

    async def settle(self, queued: QueuedRevocation) -> None:
        """Let go of it: it has been revoked, or nobody can revoke it."""
