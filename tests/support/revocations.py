"""The view of revocations, fed from a real log or from one in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessiond_server.domain.revocation import (
    CHAIN_START,
    FOREVER_MS,
    Position,
    Revocation,
    RevocationType,
    chain_tag,
)
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Failover, Primacy
from sessiond_server.service.revocation.store_checks import StoreChecks
from sessiond_server.service.revocation.store_loss import StoreLoss
from sessiond_server.service.storage.replication import Replication
from sessiond_server.service.storage.revocations import LogPage, RevocationLog
from tests.support.fakes import RecordingTelemetry, SilentLogger
from tests.support.store import ENTRY_LIFE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessiond_server.service.clock import Clock
    from sessiond_server.service.logger import Logger
    from tests.support.store import Store

MAX_STALENESS_SECONDS = 1.0


def viewed(
    store: Store,
    clock: Clock,
    telemetry: RecordingTelemetry | None = None,
    logger: Logger | None = None,
    *,
    failover: Failover = Failover.AUTO,
    refuses_older: bool = False,
) -> Revocations:
    """What a server that reads this store knows of revocations."""
    logger = logger or SilentLogger()
    primacy = Primacy(
        store.stores.replication, partitions=store.partitions, failover=failover, clock=clock, logger=logger
    )
    clocks = Clocks(allowed_seconds=2.0, clock=clock, logger=logger)
    loss = StoreLoss(
        partitions=store.partitions,
        refuses_older=refuses_older,
        entry_life_ms=ENTRY_LIFE_MS,
        logger=logger,
    )
    return Revocations(
        store.log,
        max_staleness_seconds=MAX_STALENESS_SECONDS,
        clock=clock,
        checks=StoreChecks(clocks, primacy, loss),
        logger=logger,
        telemetry=telemetry or RecordingTelemetry(),
    )


class NoReplicas(Replication):
    """A store that has none, and is not asked for any."""


def alone(clock: Clock, *, partitions: int = 1) -> StoreChecks:
    """Who has answered is the one store that there is, and it has lost nothing."""
    logger = SilentLogger()
    numbers = range(partitions)
    return StoreChecks(
        Clocks(allowed_seconds=2.0, clock=clock, logger=logger),
        Primacy(NoReplicas(), partitions=numbers, failover=Failover.NEVER, clock=clock, logger=logger),
        StoreLoss(partitions=numbers, refuses_older=False, entry_life_ms=1, logger=logger),
    )


def revocation(number: int) -> Revocation:
    """The revocation of a session that is told by its number."""
    return Revocation(RevocationType.SESSION, number.to_bytes(16, "big"), FOREVER_MS, FOREVER_MS)


@dataclass
class MemoryLog(RevocationLog):
    """A log of one partition in memory; `replace` gives its place to another one, as after a failover."""

    incarnation: bytes = b"i" * 16
    entries: list[Revocation] = field(default_factory=list)
    reads: int = 0

    def append(self, *numbers: int) -> None:
        self.entries += map(revocation, numbers)

    def replace(self, *numbers: int) -> None:
        self.incarnation, self.entries = b"o" * 16, [*map(revocation, numbers)]

    def position(self, number: int) -> Position:
        """The place of the entry with this number, counted from 1; 0 for the start."""
        tag = CHAIN_START
        for entry in self.entries[:number]:
            tag = chain_tag(tag, entry.pack())
        return Position(self.incarnation, 0, number, tag)

    def partitions(self) -> Iterable[int]:
        return (0,)

    def partition_of(self, _placing_byte: int) -> int:
        return 0

    async def read(self, _partition: int, after: Position | None) -> LogPage:
        self.reads += 1
        continues = after is not None and after == self.position(after.number)
        begin = after.number if after and continues else 0
        return LogPage(
            tuple(self.entries[begin:]),
            self.position(len(self.entries)),
            continues=continues,
            reached_head=True,
            store_ms=0,
            run="",
            is_noted=True,
            changed_ms=0,
        )

    async def note_change(self, _partition: int, **_known: int) -> bool:
        return True

    async def trim(self, _partition: int) -> bool:
        return False
