"""The port of adoptions: which sessions the refresh tokens have opened that providers gave to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.storage.sessions import Busy, NotRotated, Rotated


@dataclass(frozen=True, slots=True, repr=False)
class ProviderRefreshToken:
    """A refresh token that a provider gave to somebody else than us."""

    issuer: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Adoption:
    """The session that a provider's refresh token has opened, and how its own first one is made from that.

    `fingerprint` is of the caller and device that opened it.
    """

    session: SessionId
    pepper_id: bytes
    salt: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Free:
    """The token has opened no session, and whoever asked may exchange it, for as long as a lease lasts.

    `successor` is what its provider has given for it before, which is to be exchanged in its place.
    """

    successor: str | None = field(default=None, repr=False)


class Adoptions(Protocol):
    """Remembers what each token has opened, so that none opens two sessions; fails as `SessionStore` does."""

    async def begin(
        self, token: ProviderRefreshToken, *, holder: bytes, wanted_until: float | None = None
    ) -> Adoption | Free | Busy:
        """Ask for the exclusive right to exchange a token; `holder` is 16 bytes of the call's own.

        `wanted_until` is as in `Rotation`.
        """

    async def keep(self, token: ProviderRefreshToken, adoption: Adoption, *, life_ms: int) -> bool:
        """Remember for so long what a token has opened; False where it has opened another session."""

    async def hold(self, token: ProviderRefreshToken, successor: str, *, holder: bytes) -> bool:
        """Give the right back, and keep what the provider has given for the token, which opens nothing yet.

        False where it has opened one meanwhile.
        """

    async def release(
        self, token: ProviderRefreshToken, *, holder: bytes, forgets_successor: bool = False
    ) -> None:
        """Give the right back: the token has opened no session, nor will its successor where that is said."""

    async def answer_again(self, session: SessionId, *, confirmation_id: bytes) -> Rotated | NotRotated:
        """The first tokens of a session once more, inside its grace and while nobody has presented them.

        `confirmation_id` is that of the key whose possession the call has proven.
        """
