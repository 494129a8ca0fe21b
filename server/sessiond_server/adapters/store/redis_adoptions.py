"""Adoptions behind their port."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import ADOPTION_KEY, Partitions
from sessiond_server.adapters.store.provider_tokens import hashed_refresh_token
from sessiond_server.adapters.store.records import Records, record_key
from sessiond_server.adapters.store.scripts.catalogue import (
    ADOPT,
    HOLD_ADOPTION,
    KEEP_ADOPTION,
    RELEASE_ADOPTION,
    REPEAT_LOGIN,
)
from sessiond_server.adapters.store.scripts.replies import AdoptedReply, BusyReply, FreeReply, RotatedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.storage.adoptions import Adoption, Adoptions, Free, ProviderRefreshToken
from sessiond_server.service.storage.sessions import Busy, NotRotated, Rotated

_SUCCESSOR_FIELD: Final = "successor of an adopted refresh token"
# Whoever comes no more within this time has given the login up.
_HOLD_MS: Final = 24 * 3_600_000


class RedisAdoptions(Adoptions):
    """A key for each token, by its hashed id, and one for what its provider gave for it; they expire."""

    def __init__(
        self, scripts: Scripts, *, partitions: Partitions, records: Records, sealing: SealingKeys
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._records = records
        self._sealing = sealing

    @override
    async def begin(
        self, token: ProviderRefreshToken, *, holder: bytes, wanted_until: float | None = None
    ) -> Adoption | Free | Busy:
        hashed = hashed_refresh_token(token.issuer, token.text)
        _, found = await self._scripts.run(
            ADOPT,
            self._partition(hashed),
            wanted_until=wanted_until,
            adoption=_adoption_key(hashed),
            held=_held_key(hashed),
            holder=holder,
        )
        match found:
            case AdoptedReply():
                return Adoption(SessionId(found.session), found.pepper_id, found.salt, found.fingerprint)
            case BusyReply():
                return Busy()
            case FreeReply():
                sealed = found.successor
                return Free(self._open(token, hashed, sealed) if sealed is not None else None)

    @override
    async def keep(self, token: ProviderRefreshToken, adoption: Adoption, *, life_ms: int) -> bool:
        hashed = hashed_refresh_token(token.issuer, token.text)
        return await self._scripts.run(
            KEEP_ADOPTION,
            self._partition(hashed),
            adoption=_adoption_key(hashed),
            held=_held_key(hashed),
            session=adoption.session.raw,
            pepper_id=adoption.pepper_id,
            salt=adoption.salt,
            fingerprint=adoption.fingerprint,
            life_ms=life_ms,
        )

    @override
    async def hold(self, token: ProviderRefreshToken, successor: str, *, holder: bytes) -> bool:
        hashed = hashed_refresh_token(token.issuer, token.text)
        return await self._scripts.run(
            HOLD_ADOPTION,
            self._partition(hashed),
            adoption=_adoption_key(hashed),
            held=_held_key(hashed),
            holder=holder,
            sealed=self._sealing.seal_for(
                hashed, successor.encode(), field=_SUCCESSOR_FIELD, issuer=token.issuer
            ),
            life_ms=_HOLD_MS,
        )

    @override
    async def release(
        self, token: ProviderRefreshToken, *, holder: bytes, forgets_successor: bool = False
    ) -> None:
        hashed = hashed_refresh_token(token.issuer, token.text)
        await self._scripts.run(
            RELEASE_ADOPTION,
            self._partition(hashed),
            adoption=_adoption_key(hashed),
            held=_held_key(hashed),
            holder=holder,
            forgets=int(forgets_successor),
        )

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

    def _open(self, token: ProviderRefreshToken, hashed: bytes, sealed: bytes) -> str:
        opened = self._sealing.open_for(hashed, sealed, field=_SUCCESSOR_FIELD, issuer=token.issuer)
        return opened.decode()

    def _partition(self, hashed: bytes) -> int:
        return self._partitions.of_placing_byte(hashed[0])


def _adoption_key(hashed: bytes) -> str:
    return f"{ADOPTION_KEY}{hashed.hex()}"


def _held_key(hashed: bytes) -> str:
    return f"{_adoption_key(hashed)}:held"
