"""Servers that still know what their store has lost, and stores that lose it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from sessiond_server.domain.identifiers import subject_byte
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, Revocation, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.service.revocation.reassertion import Reassertion
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.revocations import viewed
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, Store

if TYPE_CHECKING:
    from sessiond_server.service.storage.revocations import Logged

_AT_A_TIME = 500


class Survivor:
    """A server: its view of the store's log, and what it does where the log has lost something."""

    def __init__(self, store: Store, *, refuses_older: bool = False) -> None:
        self.store, self.logger, self.telemetry = store, RecordingLogger(), RecordingTelemetry()
        self.view = viewed(store, FakeClock(), self.telemetry, self.logger, refuses_older=refuses_older)
        self.reassertion = Reassertion(
            self.view,
            store.log,
            cutoff_life_ms=LIFETIMES.absolute_ms,
            entry_life_ms=ENTRY_LIFE_MS,
            logger=self.logger,
            telemetry=self.telemetry,
            sleep=lambda _: asyncio.sleep(0),
        )

    async def read(self) -> None:
        for partition in self.store.partitions:
            await self.view.catch_up(partition)

    async def restore(self) -> None:
        """Read the log, and write what it has lost."""
        await self.read()
        for partition in self.store.partitions:
            await self.reassertion.restore(partition)

    async def ended(self, logged: Logged) -> None:
        """What this server itself has revoked."""
        self.view.apply_own(logged)

    def revokes(
        self,
        hashed: bytes,
        *,
        subject: str = "alice",
        started_ms: int | None = 0,
        session: bytes = NO_ID,
        provider_session: bytes = NO_ID,
    ) -> bool:
        """Whether a token with this one hashed id is revoked."""
        ids = RevocationIds((hashed,), session, provider_session, started_ms, subject_byte(ISSUER, subject))
        return self.view.revokes(ids)

    @property
    def reasserted(self) -> int:
        """How many revocations it has written again."""
        return sum(count for (count,) in self.telemetry.of("revocations_reasserted"))


async def logs(store: Store) -> list[Revocation]:
    """Everything that the logs of all partitions have."""
    found: list[Revocation] = []
    for partition in store.partitions:
        page = await store.log.read(partition, None)
        found += page.revocations
        while not page.reached_head:
            page = await store.log.read(partition, page.position)
            found += page.revocations
    return found


class OldCopy:
    """What a store had at some time: whatever it was told since is lost once it comes back to that."""

    def __init__(self, redis: object, values: dict[bytes, tuple[bytes, int]]) -> None:
        self._redis, self._values = redis, values

    @classmethod
    async def of(cls, store: Store) -> OldCopy:
        keys = await store.redis.keys()
        values = {key: (await store.redis.dump(key), await store.redis.pttl(key)) for key in keys}
        return cls(store.redis, values)

    async def come_back(self) -> None:
        await self._redis.flushall()
        for key, (value, life_ms) in self._values.items():
            await self._redis.restore(key, max(life_ms, 0), value)


async def revoke(store: Store, count: int, *, subject: str = "alice") -> list[Revocation]:
    """So many entries more in the log of a subject's partition, about tokens that nobody has."""
    partition = store.partition(subject)
    expire_ms = await store.scripts.now_ms(store.partition()) + ENTRY_LIFE_MS
    entries = [
        Revocation(RevocationType.TOKEN, os.urandom(16), FOREVER_MS, expire_ms + number)
        for number in range(count)
    ]
    page = await store.log.read(partition, None)
    while not page.reached_head:
        page = await store.log.read(partition, page.position)
    position = page.position
    for at in range(0, count, _AT_A_TIME):
        logged = await store.log.reassert(
            partition,
            entries[at : at + _AT_A_TIME],
            after=position,
            cutoff_life_ms=LIFETIMES.absolute_ms,
            entry_life_ms=ENTRY_LIFE_MS,
        )
        assert logged
        position = logged.position
    return entries
