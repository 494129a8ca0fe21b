"""Whose answers count: those of the primary, while its replicas follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.domain.revocation import Position
from sessiond_server.service.revocation.primacy import CONFIRMED_FOR_SECONDS, Failover
from tests.support.fakes import FakeClock, RecordingLogger
from tests.support.revocations import MAX_STALENESS_SECONDS, viewed
from tests.support.store import Store, connected
from tests.support.valkeys import COPIED_AT_ONCE, Valkey, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond_server.service.revocation.follow import Revocations

REPLICA = "the store that answers is a replica, which does not count"
CUT_OFF = "no replica acknowledges writes, what the store answers does not count"
pytestmark = pytest.mark.parametrize("partitions", [1, 3])


@dataclass
class Pair:
    """A primary and its replica."""

    primary: Valkey
    replica: Valkey


class Server:
    """What a server knows whose store is `node`, on a clock that stands still."""

    def __init__(self, node: Valkey, *, partitions: int, failover: Failover = Failover.AUTO) -> None:
        self.clock, self.logger = FakeClock(), RecordingLogger()
        self.store: Store = connected(node.redis, partitions=partitions)
        self.view: Revocations = viewed(self.store, self.clock, logger=self.logger, failover=failover)

    async def read(self) -> None:
        for partition in self.store.partitions:
            await self.view.catch_up(partition)

    async def confirm(self) -> None:
        for partition in self.store.partitions:
            await self.view._primacy.confirm(partition)

    async def serve(self) -> None:
        """Read until everything counts."""
        await self.read()
        await self.confirm()
        await self.read()
        assert self.view.is_fresh

    async def read_later(self, seconds: float) -> bool:
        """Whether what is read so much later counts."""
        self.clock.at += seconds
        await self.read()
        return self.view.is_fresh


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with running_valkeys(tmp_path, 2, *COPIED_AT_ONCE) as (primary, replica):
        yield Pair(primary, replica)


async def lose_the_replica(pair: Pair) -> None:
    """The replica takes the primary's place, and the primary does not hear of it."""
    await pair.replica.promote()

    async def is_alone() -> bool:
        return (await pair.primary.redis.info("replication"))["connected_slaves"] == 0

    await eventually(is_alone)


async def test_a_store_without_replicas_counts_by_itself(pair: Pair, partitions: int) -> None:
    await lose_the_replica(pair)
    server = Server(pair.primary, partitions=partitions)
    await server.read()
    assert server.view.is_fresh
    assert not await pair.primary.redis.keys("*replicated*")


async def test_what_a_replica_answers_does_not_count(pair: Pair, partitions: int) -> None:
    primary, server = Server(pair.primary, partitions=partitions), Server(pair.replica, partitions=partitions)
    await primary.serve()
    for _ in range(2):
        with pytest.raises(RevocationViewStaleError):
            await server.read()
    assert not server.view.is_fresh
    assert server.view._primacy.not_ready_reason == "the store that answers is a replica"
    assert [event for _, event, _ in server.logger.lines] == [REPLICA]


@pytest.mark.parametrize("takes_writes", [False, True])
async def test_a_primary_that_becomes_a_replica_is_believed_for_as_long_as_what_was_read_before(
    pair: Pair, partitions: int, *, takes_writes: bool
) -> None:
    server = Server(pair.primary, partitions=partitions)
    await server.serve()
    await pair.replica.promote()
    await pair.primary.redis.config_set("replica-read-only", "no" if takes_writes else "yes")
    await pair.primary.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert server.view.is_fresh
    server.clock.at += MAX_STALENESS_SECONDS
    with pytest.raises(RevocationViewStaleError):
        await server.read()
    assert not server.view.is_fresh
    await pair.primary.promote()
    await pair.replica.copy_from(pair.primary.port)
    await server.serve()
    assert server.view._primacy.not_ready_reason is None


async def test_a_replica_is_told_without_the_right_to_ask_for_roles(pair: Pair, partitions: int) -> None:
    await Server(pair.primary, partitions=partitions).serve()
    await pair.replica.redis.execute_command("ACL", "SETUSER", "default", "-info")
    server = Server(pair.replica, partitions=partitions)
    with pytest.raises(RevocationViewStaleError):
        await server.read()
    assert server.view._primacy.not_ready_reason


async def test_a_primary_that_was_replaced_is_believed_no_longer_than_its_replica_vouched_for_it(
    pair: Pair, partitions: int
) -> None:
    server = Server(pair.primary, partitions=partitions)
    await server.serve()
    await lose_the_replica(pair)
    assert await server.read_later(CONFIRMED_FOR_SECONDS - 0.001)
    assert not await server.read_later(MAX_STALENESS_SECONDS)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await server.confirm()
    assert server.view._primacy.not_ready_reason
    assert [event for level, event, _ in server.logger.lines if level == "error"] == [CUT_OFF]


async def test_nobody_who_starts_believes_a_primary_that_was_replaced(pair: Pair, partitions: int) -> None:
    """The replica is gone without a trace but for what a server wrote while it was there."""
    await Server(pair.primary, partitions=partitions).serve()
    await lose_the_replica(pair)
    server = Server(pair.primary, partitions=partitions)
    await server.read()
    assert server.view.is_synced
    assert not server.view.is_fresh


async def test_who_must_know_everything_is_not_answered_by_a_primary_that_was_replaced(
    pair: Pair, partitions: int
) -> None:
    server = Server(pair.primary, partitions=partitions)
    await server.serve()
    beyond = Position(b"elsewhere-------", 0, 1, "tag")
    await server.view.catch_up_anew(0)
    assert not await server.view.read_up_to(beyond)
    await lose_the_replica(pair)
    assert server.view.is_fresh
    with pytest.raises(RevocationViewStaleError):
        await server.view.catch_up_anew(0)
    with pytest.raises(RevocationViewStaleError):
        await server.view.read_up_to(beyond)


async def test_a_replica_that_is_frozen_acknowledges_nothing(pair: Pair, partitions: int) -> None:
    server = Server(pair.primary, partitions=partitions)
    await server.serve()
    pair.replica.freeze()
    try:
        with pytest.raises(StoreUnavailableError):
            await server.confirm()
    finally:
        pair.replica.thaw()
    await eventually(lambda: _confirms(server))
    assert server.view._primacy.not_ready_reason is None


async def _confirms(server: Server) -> bool:
    try:
        await server.confirm()
    except StoreUnavailableError:
        return False
    return True


async def test_a_primary_without_memory_counts_while_its_replica_follows(pair: Pair, partitions: int) -> None:
    server = Server(pair.primary, partitions=partitions)
    await server.serve()
    await pair.primary.redis.config_set("maxmemory", 1)
    await server.confirm()
    assert await server.read_later(CONFIRMED_FOR_SECONDS - 0.001)


async def test_a_primary_that_misses_the_replicas_it_must_have_does_not_count(
    pair: Pair, partitions: int
) -> None:
    await lose_the_replica(pair)
    server = Server(pair.primary, partitions=partitions)
    await server.read()
    await pair.primary.redis.config_set("min-replicas-to-write", 1)
    server.clock.at += MAX_STALENESS_SECONDS
    await server.read()
    assert not server.view.is_fresh


@pytest.mark.parametrize(("failover", "counts"), [(Failover.NEVER, True), (Failover.ALWAYS, False)])
async def test_the_operator_says_whether_a_replica_may_take_over(
    pair: Pair, partitions: int, failover: Failover, *, counts: bool
) -> None:
    await Server(pair.primary, partitions=partitions).serve()
    await lose_the_replica(pair)
    if failover is Failover.ALWAYS:
        await pair.primary.redis.flushall()
    server = Server(pair.primary, partitions=partitions, failover=failover)
    await server.read()
    assert server.view.is_fresh is counts
