"""The refresh tokens that are to be revoked at their providers, behind their port."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.formats import QUEUED
from sessiond_server.adapters.store.hashed_ids import HashedIssuers, hashed
from sessiond_server.adapters.store.partitions import QUEUE_KEY, Partitions, key_in
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal
from sessiond_server.adapters.store.scripts.catalogue import (
    ADD_REVOCATION,
    NEXT_REVOCATION,
    REQUEUE_REVOCATION,
    SETTLE_REVOCATION,
)
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import SealingKeyMissingError, StoreUnavailableError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.queue import ProviderRevocations, QueuedRevocation

_TAKEN: Final = f"{QUEUE_KEY}:taken"
# So many at a time are passed over that cannot be unsealed here.
_MOST_UNREADABLE: Final = 100


class RedisProviderRevocations(ProviderRevocations):
    """A queue in each partition, and beside it what somebody has taken and not settled.

    A token waits for a day at most. One that this server cannot unseal comes again after a minute, as what
    was taken and not settled does: another server may have its key, or this one may get it back.
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: Partitions,
        sealing: SealingKeys,
        issuers: HashedIssuers,
        logger: Logger,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = ProviderTokenSeal(sealing)
        self._issuers = issuers
        self._logger = logger
        self._has_told = False

    @override
    async def add(self, session: SessionId, *, issuer: str, client_id: str, refresh_token: str) -> bool:
        return await self._scripts.run(
            ADD_REVOCATION,
            self._partitions.of_session(session),
            queue=QUEUE_KEY,
            id=session.raw,
            hashed_issuer=hashed(RevocationType.ISSUER, issuer),
            hashed_client=hashed(RevocationType.CLIENT, issuer, client_id),
            sealed_refresh=self._seal.seal_refresh(refresh_token, issuer=issuer, session=session),
        )

    @override
    async def take(self) -> QueuedRevocation | None:
        failure = None
        for partition in self._partitions:
            try:
                queued = await self._take_readable(partition)
            except StoreUnavailableError as error:
                # Where one partition is away the others are there all the same.
                failure = error
                continue
            if queued:
                return queued
        if failure:
            raise failure
        return None

    async def _take_readable(self, partition: int) -> QueuedRevocation | None:
        for _ in range(_MOST_UNREADABLE):
            raw = await self._scripts.run(NEXT_REVOCATION, partition, queue=QUEUE_KEY, taken=_TAKEN)
            if not raw:
                return None
            queued = self._to_queued(raw)
            if queued:
                return queued
        return None

    @override
    async def count(self) -> int:
        waiting = 0
        for partition in self._partitions:
            waiting += await self._scripts.send(
                partition, Lane.CALLS, "LLEN", key_in(partition, QUEUE_KEY)
            ) + await self._scripts.send(partition, Lane.CALLS, "ZCARD", key_in(partition, _TAKEN))
        return waiting

    @override
    async def put_back(self, queued: QueuedRevocation) -> None:
        partition = self._partition_of(queued.raw)
        await self._scripts.run(
            REQUEUE_REVOCATION, partition, queue=QUEUE_KEY, taken=_TAKEN, queued=queued.raw
        )

    @override
    async def settle(self, queued: QueuedRevocation) -> None:
        partition = self._partition_of(queued.raw)
        await self._scripts.run(SETTLE_REVOCATION, partition, taken=_TAKEN, queued=queued.raw)

    def _partition_of(self, raw: bytes) -> int:
        _, session, *_ = QUEUED.unpack_from(raw)
        return self._partitions.of_session(SessionId(session))

    def _tell_unreadable(self) -> None:
        if not self._has_told:
            self._logger.error("a refresh token that cannot be unsealed here waits to be revoked")
        self._has_told = True

    def _to_queued(self, raw: bytes) -> QueuedRevocation | None:
        _, session, hashed_issuer, hashed_client = QUEUED.unpack_from(raw)
        try:
            issuer, client_id = self._issuers.issuer_of(hashed_issuer), self._issuers.client_of(hashed_client)
            token = self._seal.open_refresh(raw[QUEUED.size :], issuer=issuer, session=SessionId(session))
        except SealingKeyMissingError:
            self._tell_unreadable()
            return None
        return QueuedRevocation(issuer, client_id, token, raw)
