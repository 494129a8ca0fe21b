"""The view of revocations, fed from a real log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Failover, Primacy
from sessiond_server.service.revocation.store_checks import StoreChecks
from sessiond_server.service.revocation.store_loss import StoreLoss
from sessiond_server.service.storage.replication import Replication
from tests.support.fakes import RecordingTelemetry, SilentLogger
from tests.support.store import ENTRY_LIFE_MS

if TYPE_CHECKING:
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
