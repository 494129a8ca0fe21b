"""The revocation log behind its port."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.scripts.catalogue import NOTE_CHANGE, POLL, TRIM
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.revocation import CHAIN_START, NO_ID, Position
from sessiond_server.service.storage.revocations import LogPage, RevocationLog


class RedisRevocationLog(RevocationLog):
    """A stream in each partition, with a head that says where it ends."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    def partitions(self) -> Iterable[int]:
        return self._partitions

    @override
    def partition_of(self, placing_byte: int) -> int:
        return self._partitions.of_placing_byte(placing_byte)

    @override
    async def read(self, partition: int, after: Position | None) -> LogPage:
        known, sent = after or Position(NO_ID, partition, 0, CHAIN_START), self._scripts.time.steady()
        page = await self._scripts.run(
            POLL,
            partition,
            known_number=known.number,
            known_tag=known.tag,
            known_incarnation=known.incarnation,
        )
        self._scripts.time.take(partition, page.store_ms, sent=sent)
        return page.to_page(partition)

    @override
    async def note_change(self, partition: int, *, known_ms: int) -> bool:
        return await self._scripts.run(NOTE_CHANGE, partition, known_ms=known_ms)

    @override
    async def trim(self, partition: int) -> bool:
        return await self._scripts.run(TRIM, partition)
