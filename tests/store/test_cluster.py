"""The store as a real cluster of three primaries, each with a replica (fault row 24)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError

from sessiond_server.adapters.store.cluster_nodes import ClusterNodes
from sessiond_server.adapters.store.connection import StoreAddress
from sessiond_server.adapters.store.partitions import Partitions, key_in
from sessiond_server.adapters.store.replication import send
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.durability import PartitionsError
from sessiond_server.service.storage.sessions import Rotated
from tests.support.chains import Chain
from tests.support.fakes import RecordingLogger
from tests.support.redis_clusters import (
    RedisClusterNodes,
    client_of,
    identity_of,
    is_followed_by,
    running_redis_cluster,
    set_slot,
)
from tests.support.store import HOUR, ISSUER, Store, connected
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.valkeys import Valkey

PARTITIONS = 16
FAILOVER_SECONDS = 20
# It answers later than a call waits, and no later than a second call would.
COUNTS_SLOWLY = """
redis.call('INCR', KEYS[1])
local begun = os.clock()
repeat until os.clock() - begun > 0.35
"""
pytestmark = pytest.mark.xdist_group("redis-cluster")


@dataclass
class Over:
    """What a server has of a cluster: a store over nodes, and what was said of them."""

    cluster: RedisClusterNodes
    nodes: ClusterNodes
    store: Store
    logger: RecordingLogger = field(default_factory=RecordingLogger)

    def subject_in(self, partition: int) -> str:
        return next(
            name for name in map("user-{}".format, range(1000)) if self.store.partition(name) == partition
        )

    async def partitions_of(self, primary: Valkey) -> list[int]:
        return [one for one in Partitions(PARTITIONS) if await self.cluster.primary_of(one) is primary]


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisClusterNodes]:
    async with running_redis_cluster(tmp_path_factory.mktemp("c")) as found:
        yield found


@pytest.fixture
async def over(cluster: RedisClusterNodes) -> AsyncIterator[Over]:
    async with served_by(cluster) as found:
        await found.store.redis.flushall()
        yield found


@asynccontextmanager
async def served_by(cluster: RedisClusterNodes) -> AsyncIterator[Over]:
    nodes, admin = ClusterNodes(StoreAddress(cluster.url)), client_of(cluster)
    logger = RecordingLogger()
    store = connected(admin, nodes=nodes, partitions=PARTITIONS, replicas=1, logger=logger)
    try:
        yield Over(cluster, nodes, store, logger)
    finally:
        await nodes.aclose()
        await admin.aclose()


@asynccontextmanager
async def away(over: Over, primary: Valkey) -> AsyncIterator[None]:
    """A primary hangs, and its replica, which would take its place."""
    both = (over.cluster.replica_of(primary), primary)
    for node in both:
        node.freeze()
    try:
        yield
    finally:
        for node in both:
            node.thaw()


async def test_sessions_live_and_end_at_all_nodes(over: Over) -> None:
    store = over.store
    await store.stores.durability.pin_partitions()
    for partition in Partitions(PARTITIONS):
        subject = over.subject_in(partition)
        token = await store.next(await store.open(subject))
        assert (await store.sessions.get(token.session)).login.subject == subject
        assert (await store.end(token.session)).count == 1
        assert (await store.log.read(partition, None)).reached_head
        assert await store.stores.replication.write_trifle(partition)
        primary = await over.cluster.primary_of(partition)
        assert await primary.redis.exists(store.record_key(token.session))
    ended = await store.stores.cutoffs.set(
        Shared(RevocationType.TENANT, ISSUER, "acme"), cutoff_life_ms=HOUR, entry_life_ms=HOUR
    )
    assert [one.position.partition for one in ended] == list(Partitions(PARTITIONS))
    assert await store.stores.durability.faults(accepted=()) == []


async def test_a_server_of_another_number_of_partitions_is_refused(over: Over) -> None:
    await over.store.stores.durability.pin_partitions()
    other = connected(over.store.redis, nodes=over.nodes, partitions=8)
    with pytest.raises(PartitionsError, match="the store has 16 partitions, this server is set to 8"):
        await other.stores.durability.pin_partitions()


@pytest.mark.slow
async def test_the_number_of_partitions_is_known_where_the_first_one_is_away(over: Over) -> None:
    durability = over.store.stores.durability
    other = connected(over.store.redis, nodes=over.nodes, partitions=8)
    first = await over.cluster.primary_of(0)
    async with away(over, first):
        # A store that nobody has begun is not begun by halves.
        with pytest.raises(StoreUnavailableError):
            await durability.pin_partitions()
    await eventually(lambda: is_followed_by(first, 1), timeout=FAILOVER_SECONDS)
    assert await over.store.redis.keys("*meta") == []
    await durability.pin_partitions()
    async with away(over, first):
        await durability.pin_partitions()
        with pytest.raises(PartitionsError, match="the store has 16 partitions, this server is set to 8"):
            await other.stores.durability.pin_partitions()


async def test_every_primary_is_looked_at_before_the_store_is_trusted(over: Over) -> None:
    evicting = over.cluster.nodes[1]
    await evicting.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        (fault,) = await over.store.stores.durability.faults(accepted=())
    finally:
        await evicting.redis.config_set("maxmemory-policy", "noeviction")
    assert fault.startswith("the store may evict what it holds")


async def test_what_could_be_better_is_asked_of_every_primary(over: Over) -> None:
    durability = over.store.stores.durability
    before = await durability.remarks()
    assert [remark.split()[2] for remark in before] == ["min-replicas-max-lag", "repl-backlog-size"]
    covering = over.cluster.nodes[1]
    await covering.redis.config_set("cluster-require-full-coverage", "yes")
    try:
        (remark,) = set(await durability.remarks()) - set(before)
    finally:
        await covering.redis.config_set("cluster-require-full-coverage", "no")
    assert "one part that is away takes all others with it" in remark


async def test_a_slot_that_has_moved_is_followed_and_the_command_runs_once(over: Over) -> None:
    partition, counter = 3, key_in(3, "counter")
    assert await over.nodes.send(partition, Lane.CALLS, "INCR", counter, replicas=1) == 1
    former = await over.cluster.primary_of(partition)
    to = next(node for node in over.cluster.nodes[:3] if node is not former)
    await over.cluster.move(partition, to)
    before = await moved_errors(former)
    assert await over.nodes.send(partition, Lane.CALLS, "INCR", counter, replicas=1) == 2
    assert over.nodes._places[partition].port == to.port
    assert await over.nodes.send(partition, Lane.CALLS, "INCR", counter, replicas=1) == 3
    # It was asked once more, and never again.
    assert await moved_errors(former) == before + 1


async def moved_errors(node: Valkey) -> int:
    """How often a node has sent somebody on since its numbers began."""
    found = await node.redis.info("errorstats")
    return found.get("errorstat_MOVED", {"count": 0})["count"]


async def test_what_a_moved_script_wrote_is_waited_for_at_its_new_node(over: Over) -> None:
    """The number of replicas that confirm is that of the node that carried it out."""
    partition = 5
    await over.nodes.send(partition, Lane.CALLS, "SET", key_in(partition, "x"), "1")
    former = await over.cluster.primary_of(partition)
    to = next(node for node in over.cluster.nodes[:3] if node is not former)
    await over.cluster.move(partition, to)
    over.cluster.replica_of(to).freeze()
    try:
        with pytest.raises(RedisError):
            await over.nodes.send(partition, Lane.CALLS, "SET", key_in(partition, "x"), "2", replicas=1)
    finally:
        over.cluster.replica_of(to).thaw()
    assert await over.nodes.send(partition, Lane.CALLS, "GET", key_in(partition, "x")) == b"2"


async def test_a_key_that_is_on_its_way_is_asked_for_where_it_goes(over: Over) -> None:
    partition, key = 7, key_in(7, "counter")
    slot, source = key_slot(key.encode()), await over.cluster.primary_of(7)
    target = next(node for node in over.cluster.nodes[:3] if node is not source)
    await over.nodes.send(partition, Lane.CALLS, "EXISTS", key)
    await set_slot(target, slot, "IMPORTING", await identity_of(source))
    await set_slot(source, slot, "MIGRATING", await identity_of(target))
    try:
        counted = [await over.nodes.send(partition, Lane.CALLS, "INCR", key, replicas=1) for _ in range(3)]
        assert counted == [1, 2, 3]
        assert over.nodes._places[partition].port == source.port
        # A script needs several keys, of which some are not there yet or not any more.
        with pytest.raises(StoreUnavailableError):
            await over.store.open(over.subject_in(partition))
        assert over.store.scripts.errors._last_met.keys() == {"TRYAGAIN"}
    finally:
        await send(target.redis, ("DEL", key), replicas=0, asking=True)
        await set_slot(source, slot, "STABLE")
        await set_slot(target, slot, "STABLE")
    assert await over.store.open(over.subject_in(partition))


async def test_where_nodes_do_not_agree_nobody_is_sent_to_and_fro_for_ever(over: Over) -> None:
    partition, key = 9, key_in(9, "x")
    slot, source = key_slot(key.encode()), await over.cluster.primary_of(9)
    target = next(node for node in over.cluster.nodes[:3] if node is not source)
    await set_slot(source, slot, "MIGRATING", await identity_of(target))
    try:
        # The target does not expect it, and sends everybody back.
        with pytest.raises(RedisError) as refused:
            await over.nodes.send(partition, Lane.CALLS, "INCR", key)
        assert type(refused.value).__name__ == "TooManyRedirectionsError"
    finally:
        await set_slot(source, slot, "STABLE")
    assert await over.nodes.send(partition, Lane.CALLS, "INCR", key) == 1


async def test_a_late_answer_has_no_command_sent_again(over: Over) -> None:
    partition, counter = 2, key_in(2, "counter")
    with pytest.raises((RedisError, OSError)):
        await over.nodes.send(partition, Lane.CALLS, "EVAL", COUNTS_SLOWLY, 1, counter)
    # Whatever was sent again has been carried out before what is sent now.
    async with client_of(over.cluster) as latecomer:
        assert await latecomer.get(counter) == b"1"
    assert await over.nodes.send(partition, Lane.CALLS, "INCR", counter) == 2


async def test_a_shard_that_is_down_keeps_nobody_else_waiting(over: Over) -> None:
    """A primary and its replica hang: what is elsewhere is served, and what is there once they are back."""
    hanging = over.cluster.nodes[2]
    there = await over.partitions_of(hanging)
    tokens = {one: await over.store.open(over.subject_in(one)) for one in Partitions(PARTITIONS)}
    async with away(over, hanging), asyncio.timeout(5):
        outcomes = await asyncio.gather(
            *(over.store.rotate(token) for token in tokens.values()), return_exceptions=True
        )
    served = {one for one, outcome in zip(tokens, outcomes, strict=True) if isinstance(outcome, Rotated)}
    assert served == set(tokens) - set(there)
    assert {type(one) for one in outcomes if not isinstance(one, Rotated)} == {StoreUnavailableError}

    async def is_back() -> bool:
        try:
            return isinstance(await over.store.rotate(tokens[there[0]]), Rotated)
        except StoreUnavailableError:
            return False

    await eventually(is_back, timeout=FAILOVER_SECONDS)
    await eventually(over.cluster.is_whole, timeout=FAILOVER_SECONDS)


@pytest.mark.slow
async def test_sessions_go_on_behind_the_failover_of_a_primary(over: Over) -> None:
    """It is killed in the middle of rotations, and comes back as a replica."""
    killed = over.cluster.nodes[0]
    chains = [await Chain.begin(over.store, f"user-{n}") for n in range(32)]
    ending = asyncio.Event()
    runs = [asyncio.create_task(chain.run(ending)) for chain in chains]
    await eventually(lambda: all(chain.token.generation > 2 for chain in chains), timeout=FAILOVER_SECONDS)
    await killed.kill()
    promoted = over.cluster.replica_of(killed)

    async def is_primary() -> bool:
        return bool((await promoted.redis.info("replication"))["role"] == "master")

    await eventually(is_primary, timeout=FAILOVER_SECONDS)

    async def is_read() -> bool:
        try:
            return all([await over.store.sessions.get(chain.token.session) for chain in chains])
        except StoreUnavailableError:
            return False

    await eventually(is_read, timeout=FAILOVER_SECONDS)
    # What is acknowledged is in a replica: the only one that there was has become the primary.
    await killed.start()
    await eventually(lambda: is_followed_by(promoted, 1), timeout=FAILOVER_SECONDS)
    reached = {chain: chain.token.generation for chain in chains}
    await eventually(
        lambda: all(chain.token.generation > reached[chain] + 2 for chain in chains), timeout=FAILOVER_SECONDS
    )
    ending.set()
    await asyncio.gather(*runs)
    assert [chain.forks for chain in chains] == [0] * len(chains)
