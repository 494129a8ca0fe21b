"""The revocation log behind its port."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.record import Header, State
from sessiond_server.adapters.store.scripts.catalogue import NOTE_CHANGE, POLL, REASSERT, TRIM
from sessiond_server.adapters.store.scripts.replies import ReassertedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.revocation import CHAIN_START, NO_ID, Position, Revocation
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.revocations import Logged, LogPage, RevocationLog

# Why a session ended is not in the log.
_CAUSE: Final = Cause.POLICY


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
        self._scripts.outages.answered(partition, page.store_ms)
        return page.to_page(partition)

    @override
    async def note_change(self, partition: int, *, known_ms: int) -> bool:
        return await self._scripts.run(NOTE_CHANGE, partition, known_ms=known_ms)

    @override
    async def reassert(
        self,
        partition: int,
        revocations: Sequence[Revocation],
        *,
        after: Position,
        cutoff_life_ms: int,
        entry_life_ms: int,
    ) -> Logged | None:
        _, found = await self._scripts.run(
            REASSERT,
            partition,
            known_number=after.number,
            known_tag=after.tag,
            known_incarnation=after.incarnation,
            entries=b"".join(one.pack() for one in revocations),
            tombstone=Header(state=State.ENDED, cause=_CAUSE).pack(),
            cause=_CAUSE,
            cutoff_life_ms=cutoff_life_ms,
            entry_life_ms=entry_life_ms,
        )
        return found.log.to_logged(partition) if isinstance(found, ReassertedReply) else None

    @override
    async def trim(self, partition: int) -> bool:
        return await self._scripts.run(TRIM, partition)
