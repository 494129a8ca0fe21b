"""Sessions of providers on a real store, and what only they need of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.sessions import Leased, ProviderTokens, Rotation
from tests.support.store import ENTRY_LIFE_MS, ISSUER, Store, proposal

if TYPE_CHECKING:
    from collections.abc import Collection

    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.domain.revocation import RevocationType
    from sessiond_server.service.storage.leases import SessionLeases
    from sessiond_server.service.storage.queue import ProviderRevocations, QueuedRevocation
    from sessiond_server.service.storage.sessions import RevocationResult

PROVIDER_SESSION = "ses_1"


@dataclass
class Provider:
    """A store, and what only sessions of providers need of it."""

    store: Store
    leases: SessionLeases
    queue: ProviderRevocations

    async def open(self, *, session: str | None = PROVIDER_SESSION, subject: str = "alice") -> RefreshToken:
        token, _ = await self.store.create(
            subject, tokens=tokens("1", session=session), provider_session=session
        )
        return token

    async def lease(self, token: RefreshToken, rotation: Rotation | None = None) -> tuple[Rotation, Leased]:
        rotation = rotation or held(token)
        leased = await self.store.sessions.rotate(rotation)
        assert isinstance(leased, Leased)
        return rotation, leased

    async def exchange(
        self, token: RefreshToken, number: str, *, session: str | None = PROVIDER_SESSION
    ) -> Any:
        rotation, leased = await self.lease(token)
        return await self.leases.commit(rotation, leased, tokens(number, session=session))

    async def ended(self) -> QueuedRevocation:
        """What is to be revoked of a session that has ended, taken from the queue."""
        await self.store.end((await self.open()).session)
        queued = await self.queue.take()
        assert queued is not None
        return queued

    async def log_out(
        self,
        *,
        session: str | None = PROVIDER_SESSION,
        token_id: str | None = "jti-1",
        started_ms: int = 1,
        client_ids: Collection[str] | None = None,
    ) -> RevocationResult:
        """End what a provider's access token names."""
        return await self.store.sessions.end_provider(
            ISSUER,
            "alice",
            provider_session=session,
            token_id=token_id,
            started_ms=started_ms,
            client_ids=client_ids,
            cause=Cause.LOGOUT,
            entry_life_ms=ENTRY_LIFE_MS,
        )

    async def queued(self) -> list[str]:
        found = []
        while queued := await self.queue.take():
            found.append(queued.refresh_token)
        return found

    async def logged(self) -> list[tuple[RevocationType, bytes]]:
        page = await self.store.log.read(self.store.partition(), None)
        return [(revocation.type, revocation.hashed_id) for revocation in page.revocations]


def tokens(
    number: str,
    *,
    session: str | None = PROVIDER_SESSION,
    seconds: float = 300,
    refresh_life_ms: int | None = None,
) -> ProviderTokens:
    return ProviderTokens(
        f"access-{number}",
        int((time.time() + seconds) * 1000),
        f"jti-{number}",
        session,
        f"refresh-{number}",
        refresh_life_ms,
    )


def held(token: RefreshToken) -> Rotation:
    return replace(proposal(token), holder=os.urandom(16))
