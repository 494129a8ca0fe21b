"""Leases on sessions of providers, behind their port."""

from __future__ import annotations

from typing import Any

from sessiond_server.adapters.store.client import Scripts, to_logged
from sessiond_server.adapters.store.marks import IssuerMarks
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal, token_log_id
from sessiond_server.adapters.store.records import Records, record_key
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.session import Cause
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import Ended, Leased, LeaseEnd, Moved, NotRotated, ProviderTokens, Rotated, Rotation


class RedisSessionLeases:
    """Implements `SessionLeases`."""

    def __init__(self, scripts: Scripts, *, partitions: int, sealing: SealingKeys, issuers: IssuerMarks, log: Log) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = ProviderTokenSeal(sealing)
        self._records = Records(sealing, issuers, log=log)

    async def commit(self, rotation: Rotation, leased: Leased, tokens: ProviderTokens) -> Rotated | NotRotated | Moved:
        """See `SessionLeases.commit`."""
        session, login = leased.session, leased.session.login
        refresh, access, access_expire_ms = self._seal.seal(tokens, issuer=login.issuer, session=session.id)
        outcome, *rest = await self._scripts.run(
            "commit",
            session.id.placing_byte % self._partitions,
            session.id.raw,
            session.id.hashed,
            session.generation,
            rotation.generation,
            rotation.secret_hash,
            rotation.client_fingerprint,
            rotation.pepper_id,
            rotation.step,
            rotation.successor_hash,
            refresh,
            access,
            access_expire_ms,
            token_log_id(login, tokens),
            keys=[record_key(session.id)],
        )
        if outcome == b"ROTATED":
            return self._records.to_rotated(session.id, *rest, replayed=False)
        return Moved() if outcome == b"MOVED" else NotRotated(RefreshRefusal(outcome.decode()))

    async def release(self, rotation: Rotation, end: LeaseEnd) -> None:
        """See `SessionLeases.release`."""
        await self._settle(rotation, end.value, cause=0, brought=b"")

    async def end_leased(self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None) -> Ended:
        """See `SessionLeases.end_leased`."""
        issuer, session = leased.session.login.issuer, rotation.session
        sealed = self._seal.seal_refresh(brought, issuer=issuer, session=session) if brought else b""
        count, logged = await self._settle(rotation, "END", cause=cause.value, brought=sealed)
        return Ended(count, to_logged(logged, partition=session.placing_byte % self._partitions))

    async def _settle(self, rotation: Rotation, action: str, *, cause: int, brought: bytes) -> Any:
        session = rotation.session
        return await self._scripts.run(
            "settle",
            session.placing_byte % self._partitions,
            session.raw,
            session.hashed,
            rotation.holder,
            action,
            cause,
            rotation.entry_life_ms,
            brought,
            keys=[record_key(session)],
        )
