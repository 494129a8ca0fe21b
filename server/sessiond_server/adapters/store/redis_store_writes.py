"""Whether the store takes writes, behind its port."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.scripts.catalogue import PROBE
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.writes import StoreWrites

_PROBE: Final = "probe"


class RedisStoreWrites(StoreWrites):
    """Writes one key in each partition, which is all that there is of it."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._errors = scripts.errors
        self._partitions = partitions

    @property
    @override
    def refused_for(self) -> str | None:
        return self._errors.writes_refused_for

    @property
    @override
    def is_in_doubt(self) -> bool:
        return bool(self._errors)

    @override
    async def probe(self) -> None:
        sent = self._errors.now()
        for partition in self._partitions:
            await self._scripts.run(PROBE, partition, probe=_PROBE)
        self._errors.written(sent=sent)
