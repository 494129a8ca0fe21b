"""The view of revocations, fed from a real log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Failover, Primacy
from sessiond_server.service.storage.replication import Replication
from tests.support.fakes import RecordingTelemetry, SilentLogger

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
) -> Revocations:
    """What a server that reads this store knows of revocations."""
    logger = logger or SilentLogger()
    primacy = Primacy(
        store.stores.replication, partitions=store.partitions, failover=failover, clock=clock, logger=logger
    )
    return Revocations(
        store.log,
        max_staleness_seconds=MAX_STALENESS_SECONDS,
        clock=clock,
        clocks=Clocks(allowed_seconds=2.0, clock=clock, logger=logger),
        primacy=primacy,
        logger=logger,
        telemetry=telemetry or RecordingTelemetry(),
    )


class NoReplicas(Replication):
    """A store that has none, and is not asked for any."""


def alone(clock: Clock) -> Primacy:
    """Who has answered is the one store that there is."""
    return Primacy(NoReplicas(), partitions=(), failover=Failover.NEVER, clock=clock, logger=SilentLogger())
