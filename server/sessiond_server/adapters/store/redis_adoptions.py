"""Adoptions behind their port."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.partitions import ADOPTION_KEY, Partitions
from sessiond_server.adapters.store.provider_tokens import hashed_refresh_token
from sessiond_server.adapters.store.records import Records, record_key
from sessiond_server.adapters.store.scripts.catalogue import (
    ADOPT,
    KEEP_ADOPTION,
    RELEASE_ADOPTION,
    REPEAT_LOGIN,
)
from sessiond_server.adapters.store.scripts.replies import AdoptedReply, BusyReply, FreeReply, RotatedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.storage.adoptions import Adoption, Adoptions, Free, ProviderRefreshToken
from sessiond_server.service.storage.sessions import Busy, NotRotated, Rotated


class RedisAdoptions(Adoptions):
    """A key for each token, by its hashed id; it expires by itself."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions, records: Records) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._records = records

    @override
    async def begin(self, token: ProviderRefreshToken, *, holder: bytes) -> Adoption | Free | Busy:
        partition, key = self._place_of(token)
        _, found = await self._scripts.run(ADOPT, partition, adoption=key, holder=holder)
        match found:
            case AdoptedReply():
                return Adoption(SessionId(found.session), found.pepper_id, found.salt, found.fingerprint)
            case BusyReply():
                return Busy()
            case FreeReply():
                return Free()

    @override
    async def keep(self, token: ProviderRefreshToken, adoption: Adoption, *, life_ms: int) -> bool:
        partition, key = self._place_of(token)
        return await self._scripts.run(
            KEEP_ADOPTION,
            partition,
            adoption=key,
            session=adoption.session.raw,
            pepper_id=adoption.pepper_id,
            salt=adoption.salt,
            fingerprint=adoption.fingerprint,
            life_ms=life_ms,
        )

    @override
    async def release(self, token: ProviderRefreshToken, *, holder: bytes) -> None:
        partition, key = self._place_of(token)
        await self._scripts.run(RELEASE_ADOPTION, partition, adoption=key, holder=holder)

    @override
    async def answer_again(self, session: SessionId, *, confirmation_id: bytes) -> Rotated | NotRotated:
        outcome, found = await self._scripts.run(
            REPEAT_LOGIN,
            self._partitions.of_session(session),
            record=record_key(session),
            hashed=session.hashed,
            confirmation=confirmation_id,
        )
        if isinstance(found, RotatedReply):
            return self._records.to_rotated(session, found, replayed=True)
        return NotRotated(RefreshRefusal(outcome))

    def _place_of(self, token: ProviderRefreshToken) -> tuple[int, str]:
        hashed = hashed_refresh_token(token.issuer, token.text)
        return self._partitions.of_placing_byte(hashed[0]), f"{ADOPTION_KEY}{hashed.hex()}"
