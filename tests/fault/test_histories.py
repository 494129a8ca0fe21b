"""The promises about revocation, checked on what callers of three servers saw while faults were injected.

A history that breaks one is kept in `.cache/histories`. Each fault has a short run here, and a long one with
`make test-faults`, whose seconds and seed are HISTORY_SECONDS and HISTORY_SEED.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, UnavailableError
from tests.support.cluster import Cluster, Member, running_cluster
from tests.support.history import History, Interval, Operation, Outcome, summary, violations
from tests.support.waiting import eventually
from tests.support.workload import running_workload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.workload import Workload

KEPT = Path(__file__).parents[2] / ".cache" / "histories"
SEED = int(os.environ.get("HISTORY_SEED", "1"))
LONG_SECONDS = float(os.environ.get("HISTORY_SECONDS", "60"))
WRITTEN_AGAIN = "lost revocations were written again"
# Longer than answers may go on without the store.
FAULT_SECONDS = 1.4


class Faults:
    """What is done to a cluster, and noted in the history of its callers."""

    def __init__(self, cluster: Cluster, history: History) -> None:
        self.cluster, self.history = cluster, history

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def note(self, what: str) -> None:
        self.history.notes.append((self.now(), what))

    async def black_hole(self, number: int) -> None:
        """The link of one server to the store swallows everything."""
        link = self.cluster.links[number]
        link.hold()
        begun = self.now()
        await asyncio.sleep(FAULT_SECONDS)
        self.history.outages.append(Interval(begun, self.now(), number))
        link.release()

    async def cut(self, number: int) -> None:
        """The link of one server is cut, and refused for a while."""
        link = self.cluster.links[number]
        await link.cut()
        begun = self.now()
        await asyncio.sleep(FAULT_SECONDS)
        self.history.outages.append(Interval(begun, self.now(), number))
        link.mend()

    async def cut_again_and_again(self, number: int) -> None:
        """The link of one server is cut many times, and can be opened anew at once."""
        for _ in range(20):
            await self.cluster.links[number].cut()
            self.cluster.links[number].mend()
            await asyncio.sleep(FAULT_SECONDS / 20)

    async def delay(self, number: int) -> None:
        """The link of one server is slow, and slower than the store has for an answer."""
        for seconds in (0.05, 0.2):
            self.cluster.links[number].delay_seconds = seconds
            await asyncio.sleep(FAULT_SECONDS / 2)
        self.cluster.links[number].delay_seconds = 0.0

    async def freeze_a_server(self, number: int) -> None:
        """A server stands still, and goes on without knowing of it."""
        self.cluster.members[number].freeze()
        await asyncio.sleep(FAULT_SECONDS)
        self.cluster.members[number].thaw()

    async def kill_a_server(self, number: int) -> None:
        """A server ends as by a crash, and is started again."""
        await self.cluster.members[number].kill()
        await self.cluster.members[number].start()

    async def kill_the_store(self, _: int) -> None:
        """The store ends as by a crash, and comes back with its append-only file."""
        store = self.cluster.stores[self.cluster.primary]
        await store.kill()
        begun = self.now()
        await asyncio.sleep(FAULT_SECONDS)
        self.history.outages.append(Interval(begun, self.now()))
        await store.start()

    async def freeze_the_store(self, _: int) -> None:
        """The store stands still."""
        store = self.cluster.stores[self.cluster.primary]
        store.freeze()
        begun = self.now()
        await asyncio.sleep(FAULT_SECONDS)
        self.history.outages.append(Interval(begun, self.now()))
        store.thaw()

    async def fail_over(self, to: int) -> None:
        """The primary ends as by a crash, a replica takes its place, and it comes back as a replica."""
        cluster, former = self.cluster, self.cluster.primary
        await cluster.stores[former].kill()
        await cluster.fail_over(to)
        await cluster.come_back(former)

    async def fail_over_to_a_replica_that_is_cut_off(self, to: int) -> None:
        """The replica that takes the primary's place has not had the last second of what was written."""
        cluster, former = self.cluster, self.cluster.primary
        cluster.replication.hold()
        await asyncio.sleep(1)
        await cluster.stores[former].kill()
        await cluster.fail_over(to)
        cluster.replication.release()
        await cluster.come_back(former)

    async def fail_over_to_a_replica_that_lags(self, to: int) -> None:
        """The replica that takes the primary's place has not had the last second of what was acknowledged.

        It counts as repaired once what was lost is written again, and no server knows of more that is not.
        """
        begun = self.now()
        await self.fail_over_to_a_replica_that_is_cut_off(to)
        await eventually(self._is_repaired, timeout=20)
        self.history.losses.append(Interval(begun, self.now()))

    async def _is_repaired(self) -> bool:
        members = [member for member in self.cluster.members if member.server]
        if not any(WRITTEN_AGAIN in member.server.events() for member in members if member.server):
            return False
        return not any([await self._is_restoring(member) for member in members])

    async def _is_restoring(self, member: Member) -> bool:
        """Whether a server has not followed the store as it is now, or knows what that lacks."""
        async with AsyncClient(member.address, key=self.cluster.key, timeout=2) as client:
            try:
                status = await client.revocation_status()
            except UnavailableError:
                return True
        return any(
            one.restoring or one.age is None or one.age > status.max_staleness for one in status.partitions
        )


FAULTS = [
    Faults.black_hole,
    Faults.cut,
    Faults.cut_again_and_again,
    Faults.delay,
    Faults.freeze_a_server,
    Faults.kill_a_server,
    Faults.kill_the_store,
    Faults.freeze_the_store,
]


# One of each kind, for the default suite.
SHORT_FAULTS = [
    Faults.black_hole,
    Faults.cut_again_and_again,
    Faults.freeze_a_server,
    Faults.kill_a_server,
    Faults.kill_the_store,
]


async def is_well(workload: Workload, history: History, number: int) -> None:
    """Return when every server answers again about every operation."""
    begun = len(history.events)

    def has_answered() -> bool:
        done = {
            (event.server, event.operation)
            for event in history.events[begun:]
            if event.outcome is not Outcome.UNKNOWN
        }
        return len(done) == number * len(Operation)

    await eventually(has_answered, timeout=20)
    assert not workload.is_over


def check(history: History, name: str) -> None:
    sys.stderr.write(f"\n{name}: {summary(history)}\n")
    found = violations(history)
    if found:
        path = KEPT / f"{name}-{SEED}.jsonl"
        history.write(path)
        raise AssertionError("\n".join([f"{len(found)} broken promises, kept in {path}:", *found[:10]]))


@pytest.mark.timeout(120)
@pytest.mark.slow
async def test_a_revoked_session_stays_revoked_whatever_happens_to_servers_and_links(tmp_path: Path) -> None:
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path) as cluster:
        faults = Faults(cluster, history)
        async with running_workload(cluster, history, chance) as workload:
            for number, fault in enumerate(SHORT_FAULTS):
                faults.note(fault.__name__)
                await fault(faults, number % len(cluster.members))
                faults.note(f"end of {fault.__name__}")
                await is_well(workload, history, len(cluster.members))
            await workload.try_everything_again()
    check(history, "all-faults")


@pytest.mark.timeout(120)
@pytest.mark.slow
async def test_what_every_replica_has_outlives_the_primary(tmp_path: Path) -> None:
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path, stores=3, durability="all", replicas=2) as cluster:
        faults = Faults(cluster, history)
        async with running_workload(cluster, history, chance) as workload:
            for to in (1, 2):
                await is_well(workload, history, len(cluster.members))
                faults.note(f"fail over to {to}")
                await faults.fail_over(to)
            await is_well(workload, history, len(cluster.members))
            await workload.try_everything_again()
    check(history, "failovers")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("durability", [pytest.param("local", marks=pytest.mark.long), "replicated"])
@pytest.mark.slow
async def test_what_a_lagging_replica_has_lost_is_known_to_every_server(
    tmp_path: Path, durability: str
) -> None:
    """With two replicas one may have confirmed what the other lacks."""
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path, stores=3, durability=durability) as cluster:
        faults = Faults(cluster, history)
        # The link that is held later is that of the first replica alone.
        await cluster.stores[2].copy_from(cluster.stores[0].port)
        async with running_workload(cluster, history, chance) as workload:
            await is_well(workload, history, len(cluster.members))
            faults.note("fail over to a replica that lags")
            await faults.fail_over_to_a_replica_that_lags(1)
            faults.note("repaired")
            await is_well(workload, history, len(cluster.members))
            await workload.try_everything_again()
    check(history, f"lossy-failover-{durability}")


@pytest.mark.timeout(120)
@pytest.mark.slow
async def test_what_all_replicas_have_to_confirm_is_lost_to_none_that_lags(tmp_path: Path) -> None:
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path, stores=3, durability="all", replicas=2) as cluster:
        faults = Faults(cluster, history)
        await cluster.stores[2].copy_from(cluster.stores[0].port)
        async with running_workload(cluster, history, chance) as workload:
            await is_well(workload, history, len(cluster.members))
            faults.note("fail over to a replica that is cut off")
            await faults.fail_over_to_a_replica_that_is_cut_off(1)
            await is_well(workload, history, len(cluster.members))
            await workload.try_everything_again()
    check(history, "failover-of-all")


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_one_fault_again_and_again(
    tmp_path: Path, fault: Callable[[Faults, int], Awaitable[None]]
) -> None:
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path) as cluster:
        faults = Faults(cluster, history)
        until = faults.now() + LONG_SECONDS
        async with running_workload(cluster, history, chance) as workload:
            while faults.now() < until:
                faults.note(fault.__name__)
                await fault(faults, chance.randrange(len(cluster.members)))
                faults.note(f"end of {fault.__name__}")
                await is_well(workload, history, len(cluster.members))
    check(history, fault.__name__)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_failovers_again_and_again(tmp_path: Path) -> None:
    history, chance = History(), random.Random(SEED)
    async with running_cluster(tmp_path, stores=3, durability="all", replicas=2) as cluster:
        faults = Faults(cluster, history)
        until = faults.now() + LONG_SECONDS
        async with running_workload(cluster, history, chance) as workload:
            while faults.now() < until:
                await is_well(workload, history, len(cluster.members))
                to = chance.choice([one for one in range(3) if one != cluster.primary])
                faults.note(f"fail over to {to}")
                await faults.fail_over(to)
            await is_well(workload, history, len(cluster.members))
    check(history, "failovers-long")
