"""A real cluster of primaries, each with a replica, and a primary that real sentinels watch."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from sessiond_server.adapters.store.partitions import key_in
from tests.support.valkeys import (
    COPIED_AT_ONCE,
    HOST,
    PRIMARY_NAME,
    Sentinel,
    Valkey,
    free_port,
    running_valkeys,
)
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECONDS_TO_AGREE = 30
# How long a node may be silent before the others take it for dead.
NODE_TIMEOUT_MS = 1500
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec")


@dataclass
class RedisClusterNodes:
    """Primaries, and behind them as many replicas: the one of `nodes[n]` is `nodes[n + primaries]`."""

    nodes: list[Valkey]
    primaries: int

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes[: self.primaries])

    def replica_of(self, primary: Valkey) -> Valkey:
        return self.nodes[self.nodes.index(primary) + self.primaries]

    async def primary_of(self, partition: int) -> Valkey:
        """Who has a partition, as the nodes that run say; the keys of it are in one slot."""
        slot = key_slot(key_in(partition, "head").encode())
        (asked, *_) = [node for node in self.nodes if node.is_running]
        port = await primary_at(asked, slot)
        return next(node for node in self.nodes if node.port == port)

    async def move(self, partition: int, to: Valkey) -> None:
        """Move a partition to another primary, while calls may go on, and return when every node knows."""
        slot, source = key_slot(key_in(partition, "head").encode()), await self.primary_of(partition)
        identity = await identity_of(to)
        await set_slot(to, slot, "IMPORTING", await identity_of(source))
        await set_slot(source, slot, "MIGRATING", identity)
        while keys := await source.redis.execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
            await source.redis.execute_command("MIGRATE", HOST, to.port, "", 0, 5000, "KEYS", *keys)
        for node in (to, source):
            await set_slot(node, slot, "NODE", identity)

        async def is_known() -> bool:
            running = [node for node in self.nodes if node.is_running]
            return all([await primary_at(node, slot) == to.port for node in running])

        await eventually(is_known, timeout=SECONDS_TO_AGREE)

    async def is_whole(self) -> bool:
        """Whether every node that runs knows a primary for every slot, and every primary a replica."""
        for node in self.nodes:
            if not node.is_running:
                continue
            found = await node.redis.execute_command("CLUSTER INFO")
            if found["cluster_state"] != "ok" or int(found["cluster_slots_ok"]) != REDIS_CLUSTER_HASH_SLOTS:
                return False
        return True


async def primary_at(node: Valkey, slot: int) -> int:
    """The port of whoever has a slot, as a node says; 0 where nobody has it."""
    for first, last, primary, *_ in await node.redis.execute_command("CLUSTER SLOTS"):
        if first <= slot <= last:
            return int(primary[1])
    return 0


async def identity_of(node: Valkey) -> Any:
    return await node.redis.execute_command("CLUSTER MYID")


async def set_slot(node: Valkey, slot: int, *what: Any) -> None:
    await node.redis.execute_command("CLUSTER SETSLOT", slot, *what)


@asynccontextmanager
async def running_redis_cluster(
    directory: Path, *, primaries: int = 3, has_replicas: bool = True
) -> AsyncIterator[RedisClusterNodes]:
    """So many primaries with equal shares of the slots, and a replica of each where it is to have some."""
    async with AsyncExitStack() as stack:
        nodes = [
            Valkey(
                directory / str(number),
                free_port(),
                (
                    *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
                    *("--cluster-require-full-coverage", "no"),
                    *("--min-replicas-to-write", str(int(has_replicas))),
                    *("--cluster-port", str(free_port()), "--cluster-replica-validity-factor", "0"),
                    *DURABLE,
                ),
            )
            for number in range(primaries * (1 + has_replicas))
        ]
        for node in nodes:
            stack.push_async_callback(node.close)
        await asyncio.gather(*(node.start() for node in nodes))
        cluster = RedisClusterNodes(nodes, primaries)
        await _join(cluster)
        yield cluster


async def _join(cluster: RedisClusterNodes) -> None:
    first, *others = cluster.nodes
    for epoch, node in enumerate(cluster.nodes, start=1):
        await node.redis.execute_command("CLUSTER SET-CONFIG-EPOCH", epoch)
    for number in range(cluster.primaries):
        low, high = (REDIS_CLUSTER_HASH_SLOTS * at // cluster.primaries for at in (number, number + 1))
        await cluster.nodes[number].redis.execute_command("CLUSTER ADDSLOTSRANGE", low, high - 1)
    for node in others:
        bus = int((await node.redis.config_get("cluster-port"))["cluster-port"])
        await first.redis.execute_command("CLUSTER MEET", HOST, node.port, bus)

    async def have_met() -> bool:
        known = [await node.redis.execute_command("CLUSTER INFO") for node in cluster.nodes]
        return all(int(one["cluster_known_nodes"]) == len(cluster.nodes) for one in known)

    await eventually(have_met, timeout=SECONDS_TO_AGREE)
    replicated = list(zip(cluster.nodes, cluster.nodes[cluster.primaries :], strict=False))
    for primary, replica in replicated:
        identity = await primary.redis.execute_command("CLUSTER MYID")
        await replica.redis.execute_command("CLUSTER REPLICATE", identity)
    for primary, _ in replicated:
        await eventually(lambda primary=primary: is_followed_by(primary, 1), timeout=SECONDS_TO_AGREE)
    await eventually(cluster.is_whole, timeout=SECONDS_TO_AGREE)


async def is_followed_by(primary: Valkey, number: int) -> bool:
    """Whether so many replicas follow a primary."""
    found = await primary.redis.info("replication")
    states = [one["state"] for name, one in found.items() if name.removeprefix("slave").isdigit()]
    return found["role"] == "master" and states.count("online") == number


class WholeCluster(RedisCluster):
    """A client that sees the keys of every node."""

    async def keys(self, pattern: str = "*") -> list[bytes]:
        return await super().keys(pattern, target_nodes=RedisCluster.PRIMARIES)


def client_of(cluster: RedisClusterNodes) -> WholeCluster:
    """A client for whatever a test looks at itself."""
    nodes = [ClusterNode(HOST, node.port) for node in cluster.nodes if node.is_running]
    return WholeCluster(startup_nodes=nodes, socket_timeout=10)


@dataclass
class Watchers:
    """A primary, its replicas, and the sentinels that watch it as `PRIMARY_NAME`."""

    stores: list[Valkey]
    sentinels: list[Valkey]

    @property
    def url(self) -> str:
        named = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{named}/{PRIMARY_NAME}"

    async def primary(self) -> Valkey:
        """Who the first sentinel that answers says it is."""
        for sentinel in self.sentinels:
            if sentinel.is_running:
                port = (await state_at(sentinel))["port"]
                return next(store for store in self.stores if store.port == port)
        raise AssertionError("no sentinel runs")


@asynccontextmanager
async def running_watchers(
    directory: Path, *, stores: int = 3, sentinels: int = 3
) -> AsyncIterator[Watchers]:
    """A primary with replicas, and sentinels that agree on it."""
    async with AsyncExitStack() as stack:
        options = ("--repl-timeout", "2", *DURABLE, *COPIED_AT_ONCE)
        found = await stack.enter_async_context(running_valkeys(directory / "stores", stores, *options))
        watchers = Watchers(found, [])
        for number in range(sentinels):
            sentinel = Sentinel(directory / f"sentinel-{number}", free_port(), watched=found[0])
            stack.push_async_callback(sentinel.close)
            watchers.sentinels.append(sentinel)
        await asyncio.gather(*(one.start() for one in watchers.sentinels))
        await eventually(lambda: _agree(watchers), timeout=SECONDS_TO_AGREE)
        yield watchers


async def _agree(watchers: Watchers) -> bool:
    """Whether every sentinel knows the others and the replicas."""
    states = [await state_at(one) for one in watchers.sentinels]
    others, replicas = len(watchers.sentinels) - 1, len(watchers.stores) - 1
    return all(state["num-other-sentinels"] == others and state["num-slaves"] == replicas for state in states)


async def state_at(sentinel: Valkey) -> Any:
    """What a sentinel says of the primary; nothing where it does not answer."""
    try:
        return await sentinel.redis.execute_command("SENTINEL MASTER", PRIMARY_NAME)
    except (RedisError, OSError):
        return {}
