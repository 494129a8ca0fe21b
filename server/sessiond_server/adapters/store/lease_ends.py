"""How leases on sessions end that have brought nothing to keep."""

from __future__ import annotations

from typing import TypeAlias

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal
from sessiond_server.adapters.store.records import record_key
from sessiond_server.adapters.store.scripts.catalogue import SETTLE
from sessiond_server.adapters.store.scripts.replies import EndedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.ahead import Ahead
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Leased, RevocationResult, Rotation

# Whoever holds a lease.
Holding: TypeAlias = Rotation | Ahead


class LeaseEnds:
    """Gives leases back, and ends sessions under them; a lease that somebody else has is left to them."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions, seal: ProviderTokenSeal) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = seal

    async def release(self, by: Holding, end: LeaseEnd, *, doubt_age_ms: int | None = None) -> None:
        """Give a lease back; a doubt that there was before stays as old as it is."""
        await self._settle(by, end.value, cause=0, brought=b"", doubt_age_ms=doubt_age_ms)

    async def end(
        self, by: Holding, leased: Leased, *, cause: Cause, brought: str | None
    ) -> RevocationResult:
        """End the session; its refresh token, and the one that was brought, are to be revoked."""
        session, issuer = by.session, leased.session.login.issuer
        sealed = self._seal.seal_refresh(brought, issuer=issuer, session=session) if brought else b""
        ended = await self._settle(by, "END", cause=cause, brought=sealed)
        return RevocationResult(ended.count, ended.log.to_logged(self._partitions.of_session(session)))

    async def _settle(
        self, by: Holding, action: str, *, cause: int, brought: bytes, doubt_age_ms: int | None = None
    ) -> EndedReply:
        return await self._scripts.run(
            SETTLE,
            self._partitions.of_session(by.session),
            record=record_key(by.session),
            id=by.session.raw,
            hashed=by.session.hashed,
            holder=by.holder,
            action=action,
            cause=cause,
            entry_life_ms=by.entry_life_ms,
            brought=brought,
            doubt_age_ms=doubt_age_ms,
        )
