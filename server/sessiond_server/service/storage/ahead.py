"""The port of exchanges at providers that are made ahead of their need, and that no call waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Leased, ProviderTokens, RevocationResult


@dataclass(frozen=True, slots=True)
class Ahead:
    """An exchange that is due where the session's access token ends within `within_ms`.

    `holder` is 16 bytes of its own, under which it takes the lease. `entry_life_ms` is how long log entries
    are kept of what it revokes.
    """

    session: SessionId
    holder: bytes
    within_ms: int
    entry_life_ms: int


class ExchangesAhead(Protocol):
    """Leases for such exchanges, and how they end; fails as `SessionStore` does.

    Refreshes go on meanwhile, as long as the access token that is there may be handed out.
    """

    async def lease(self, ahead: Ahead) -> Leased | None:
        """The exclusive right to exchange; None where that is not due, or could disturb.

        It is not due where the session is not live, or its access token has ended, or does not end so soon.
        It could disturb where the session was used within its grace, since what was answered then may have to
        be answered again, and where somebody has the lease or an exchange was left in doubt, or is held.
        """

    async def keep(self, ahead: Ahead, leased: Leased, tokens: ProviderTokens) -> bool:
        """Store what the exchange brought; False where the session has ended or got other tokens meanwhile.

        Where the session was refreshed meanwhile, or the access token is empty, which says that it cannot be
        handed out, the refresh token alone is stored. Nothing that a session may do lasts longer by it. The
        same again has the same result.
        """

    async def release(self, ahead: Ahead, end: LeaseEnd) -> None:
        """Give the lease back, if it is still held."""

    async def end(
        self, ahead: Ahead, leased: Leased, *, cause: Cause, brought: str | None
    ) -> RevocationResult:
        """End the session if the lease is still held; both refresh tokens are to be revoked."""
