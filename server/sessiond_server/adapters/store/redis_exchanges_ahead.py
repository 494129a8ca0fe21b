"""Exchanges ahead of their need, behind their port."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.hashed_ids import HashedIssuers
from sessiond_server.adapters.store.lease_ends import LeaseEnds
from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.provider_tokens import (
    ProviderTokenSeal,
    hashed_refresh_token,
    hashed_token_id,
)
from sessiond_server.adapters.store.records import Records, record_key
from sessiond_server.adapters.store.scripts.catalogue import KEEP_AHEAD, LEASE_AHEAD
from sessiond_server.adapters.store.scripts.replies import LeasedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.ahead import Ahead, ExchangesAhead
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Leased, ProviderTokens, RevocationResult


class RedisExchangesAhead(ExchangesAhead):
    """Their leases are those of the sessions' records."""

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: Partitions,
        sealing: SealingKeys,
        issuers: HashedIssuers,
        records: Records,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = ProviderTokenSeal(sealing)
        self._ends = LeaseEnds(scripts, partitions=partitions, seal=self._seal)
        self._sealing_ids = sealing.ids
        self._issuers = issuers
        self._records = records

    @override
    async def lease(self, ahead: Ahead) -> Leased | None:
        session = ahead.session
        _, found = await self._scripts.run(
            LEASE_AHEAD,
            self._partitions.of_session(session),
            record=record_key(session),
            hashed=session.hashed,
            holder=ahead.holder,
            within_ms=ahead.within_ms,
            reuse_above=self._issuers.reuse_above,
            sealing_ids=self._sealing_ids,
        )
        return self._records.to_leased(session, found) if isinstance(found, LeasedReply) else None

    @override
    async def keep(self, ahead: Ahead, leased: Leased, tokens: ProviderTokens) -> bool:
        session, issuer = ahead.session, leased.session.login.issuer
        access = tokens.access_token
        return await self._scripts.run(
            KEEP_AHEAD,
            self._partitions.of_session(session),
            record=record_key(session),
            id=session.raw,
            hashed=session.hashed,
            leased_generation=leased.session.generation,
            holder=ahead.holder,
            sent_refresh=hashed_refresh_token(issuer, leased.refresh_token),
            sealed_refresh=self._seal.seal_refresh(tokens.refresh_token, issuer=issuer, session=session),
            hashed_refresh=hashed_refresh_token(issuer, tokens.refresh_token),
            sealed_access=self._seal.seal_access(access, issuer=issuer, session=session) if access else b"",
            access_expire_ms=tokens.access_expire_ms,
            token_id=hashed_token_id(issuer, tokens),
            refresh_life_ms=tokens.refresh_life_ms,
            entry_life_ms=ahead.entry_life_ms,
        )

    @override
    async def release(self, ahead: Ahead, end: LeaseEnd) -> None:
        await self._ends.release(ahead, end)

    @override
    async def end(
        self, ahead: Ahead, leased: Leased, *, cause: Cause, brought: str | None
    ) -> RevocationResult:
        return await self._ends.end(ahead, leased, cause=cause, brought=brought)
