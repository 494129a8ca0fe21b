"""Whether the store takes writes, behind its port."""

from __future__ import annotations

import asyncio
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import OUTAGES_KEY, PROBED_KEY, SEEN_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import NOTE_USE, PROBE
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.writes import StoreWrites

# A write waits for replicas: it must leave room to those who read the log over the same connections.
_AT_ONCE: Final = 2


class RedisStoreWrites(StoreWrites):
    """Writes a trifle in each partition, and behind it when that could be done, by the store's clock.

    A store whose replicas do not confirm what it takes is one that nobody can use: whoever refreshes there
    gets no answer. So the time is written behind the trifle, and not with it.
    """

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
                await self._scripts.run(PROBE, partition, probed=PROBED_KEY)
                await self._scripts.run(NOTE_USE, partition, seen=SEEN_KEY, outages=OUTAGES_KEY)

        # Where one partition is away the others are there all the same.
        for outcome in await asyncio.gather(*map(write, self._partitions), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        self._errors.written(sent=sent)
