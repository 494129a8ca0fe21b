"""Whether the store takes writes, behind its port."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from sessiond_server.adapters.store.partitions import OUTAGES_KEY, SEEN_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import PROBE
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.writes import StoreWrites


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
        # Where one partition is away the others are there all the same.
        tried = (
            self._scripts.run(PROBE, one, seen=SEEN_KEY, outages=OUTAGES_KEY) for one in self._partitions
        )
        for outcome in await asyncio.gather(*tried, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        self._errors.written(sent=sent)
