"""Whether the store takes writes, behind its port."""

from __future__ import annotations

import asyncio
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import OUTAGES_KEY, SEEN_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import PROBE
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.writes import StoreWrites

# A write waits for replicas: it must leave room to those who read the log over the same connections.
_AT_ONCE: Final = 2


class RedisStoreWrites(StoreWrites):
    """Writes one key in each partition: when somebody last did, by the store's clock."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._errors = scripts.errors
        self._partitions = partitions

    @property
    @override
    def refused_for(self) -> str | None:
        return self._errors.writes_refused_for

    @override
    async def probe(self) -> None:
        sent = self._errors.now()
        turn = asyncio.Semaphore(_AT_ONCE)

        async def write(partition: int) -> None:
            async with turn:
                await self._scripts.run(PROBE, partition, seen=SEEN_KEY, outages=OUTAGES_KEY)

        # Where one partition is away the others are there all the same.
        for outcome in await asyncio.gather(*map(write, self._partitions), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        self._errors.written(sent=sent)
