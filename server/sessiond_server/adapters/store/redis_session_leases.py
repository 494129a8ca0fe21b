"""Leases on sessions of providers, behind their port."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.lease_ends import LeaseEnds
from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.provider_tokens import (
    ProviderTokenSeal,
    hashed_refresh_token,
    hashed_token_id,
)
from sessiond_server.adapters.store.records import Records, record_key
from sessiond_server.adapters.store.scripts.catalogue import COMMIT, HOLD
from sessiond_server.adapters.store.scripts.replies import MovedReply, RefusedReply, RotatedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.leases import LeaseEnd, Moved, SessionLeases
from sessiond_server.service.storage.sessions import (
    Leased,
    NotRotated,
    ProviderTokens,
    RevocationResult,
    Rotated,
    Rotation,
)


class RedisSessionLeases(SessionLeases):
    """Leases, which are kept in the sessions' records; the provider's tokens are sealed in other keys."""

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: Partitions,
        sealing: SealingKeys,
        records: Records,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = ProviderTokenSeal(sealing)
        self._ends = LeaseEnds(scripts, partitions=partitions, seal=self._seal)
        self._records = records

    @override
    async def commit(
        self, rotation: Rotation, leased: Leased, tokens: ProviderTokens
    ) -> Rotated | NotRotated | Moved:
        session, issuer = leased.session.id, leased.session.login.issuer
        outcome, found = await self._scripts.run(
            COMMIT,
            self._partitions.of_session(session),
            record=record_key(session),
            id=session.raw,
            hashed=session.hashed,
            leased_generation=leased.session.generation,
            holder=rotation.holder,
            generation=rotation.generation,
            secret_hash=rotation.secret_hash,
            fingerprint=rotation.device_fingerprint,
            pepper_id=rotation.pepper_id,
            rotation_salt=rotation.rotation_salt,
            successor_hash=rotation.successor_hash,
            sealed_refresh=self._seal.seal_refresh(tokens.refresh_token, issuer=issuer, session=session),
            hashed_refresh=hashed_refresh_token(issuer, tokens.refresh_token),
            sealed_access=self._seal.seal_access(tokens.access_token, issuer=issuer, session=session),
            access_expire_ms=tokens.access_expire_ms,
            token_id=hashed_token_id(issuer, tokens),
            refresh_life_ms=tokens.refresh_life_ms,
            entry_life_ms=rotation.entry_life_ms,
        )
        match found:
            case RotatedReply():
                return self._records.to_rotated(session, found, replayed=False)
            case MovedReply():
                return Moved()
            case RefusedReply():
                return NotRotated(RefreshRefusal(outcome))

    @override
    async def hold(
        self, rotation: Rotation, leased: Leased, refresh_token: str, *, refresh_life_ms: int | None
    ) -> float | None:
        session, issuer = leased.session.id, leased.session.login.issuer
        held = await self._scripts.run(
            HOLD,
            self._partitions.of_session(session),
            record=record_key(session),
            id=session.raw,
            hashed=session.hashed,
            leased_generation=leased.session.generation,
            holder=rotation.holder,
            sealed_refresh=self._seal.seal_refresh(refresh_token, issuer=issuer, session=session),
            hashed_refresh=hashed_refresh_token(issuer, refresh_token),
            refresh_life_ms=refresh_life_ms,
        )
        return held.pause_ms / 1000 if held.is_kept else None

    @override
    async def release(self, rotation: Rotation, end: LeaseEnd, *, doubt_age_ms: int | None = None) -> None:
        await self._ends.release(rotation, end, doubt_age_ms=doubt_age_ms)

    @override
    async def end_leased(
        self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None
    ) -> RevocationResult:
        return await self._ends.end(rotation, leased, cause=cause, brought=brought)
