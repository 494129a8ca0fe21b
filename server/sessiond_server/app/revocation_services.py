"""Builds what a server knows of revocations, and what tells others of it."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.app.foundation import Foundation, OpenIssuers
from sessiond_server.config.settings import Settings
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Failover, Primacy
from sessiond_server.service.revocation.reassertion import Reassertion
from sessiond_server.service.revocation.snapshots import SnapshotKeeper
from sessiond_server.service.revocation.store_checks import StoreChecks
from sessiond_server.service.revocation.store_loss import StoreLoss
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.revocation.withdrawn_keys import WithdrawnKeys


@dataclass(frozen=True, slots=True)
class RevocationServices:
    """What is known of revocations, what keeps it true, and what tells watchers."""

    revocations: Revocations
    clocks: Clocks
    primacy: Primacy
    reassertion: Reassertion
    snapshots: SnapshotKeeper
    watching: RevocationWatch


def open_revocations(base: Foundation, issuers: OpenIssuers, *, stack: AsyncExitStack) -> RevocationServices:
    """Build them; what is opened here, `stack` closes."""
    settings, stores, clock, logger = base.settings, base.stores, base.clock, base.logger
    entry_life_ms = issuers.entry_life_ms
    clocks = Clocks(
        allowed_seconds=min(one.policy.clock_skew for one in issuers.trusted).total_seconds(),
        clock=clock,
        logger=logger,
    )
    primacy = Primacy(
        stores.replication,
        partitions=stores.revocations.partitions(),
        failover=failover_of(settings),
        clock=clock,
        logger=logger,
    )
    loss = StoreLoss(
        partitions=stores.revocations.partitions(),
        refuses_older=settings.store.refuses_older,
        entry_life_ms=entry_life_ms,
        logger=logger,
    )
    revocations = Revocations(
        stores.revocations,
        max_staleness_seconds=settings.revocation.max_staleness.total_seconds(),
        clock=clock,
        checks=StoreChecks(clocks, primacy, loss),
        logger=logger,
        telemetry=base.telemetry,
        space=stack.enter_context(ScratchFile()),
        snapshots=stores.snapshots,
    )
    withdrawn = WithdrawnKeys(revocations.events, clock=clock)
    for one in issuers.others:
        one.key_set.when_withdrawn(partial(withdrawn.add, one.policy))
    watching = RevocationWatch(
        revocations,
        withdrawn,
        heartbeat_seconds=settings.revocation.heartbeat.total_seconds(),
        clock=clock,
        jitter=random.random,
    )
    reassertion = Reassertion(
        revocations,
        stores.revocations,
        cutoff_life_ms=issuers.cutoff_life_ms,
        entry_life_ms=entry_life_ms,
        logger=logger,
        telemetry=base.telemetry,
    )
    snapshots = SnapshotKeeper(revocations.view, stores.snapshots, stores.revocations, logger=logger)
    return RevocationServices(revocations, clocks, primacy, reassertion, snapshots, watching)


def failover_of(settings: Settings) -> Failover:
    """Whoever has replicas acknowledge what is released has them for that."""
    wanted = Failover(settings.store.failover)
    return Failover.ALWAYS if wanted is Failover.AUTO and settings.store.acknowledging_replicas else wanted
