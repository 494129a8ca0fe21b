"""A real server whose store is a cluster: a part of it that is away takes nothing else with it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Session, UnavailableError
from sessiond_server.adapters.store.partitions import Partitions
from tests.support.local_issuer import on_store
from tests.support.redis_clusters import running_redis_cluster
from tests.support.rotators import rotating
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server
    from tests.support.valkeys import Valkey

ISSUER = "https://sessions.example"
PARTITIONS = 16
MOVED = 3
FAILOVER_SECONDS = 40
pytestmark = pytest.mark.xdist_group("redis-cluster")


@pytest.mark.slow
async def test_a_part_of_the_cluster_that_is_away_takes_nothing_else_with_it(tmp_path: Path) -> None:
    async with running_redis_cluster(tmp_path / "store") as cluster:
        config = on_store(tmp_path, cluster.url).write()
        async with (
            serving(config, config.parent, tmp_path / "log") as server,
            AsyncClient(server.grpc) as client,
        ):
            # The number of partitions is there first of all.
            first = await cluster.primary_of(0)
            away = [first, cluster.replica_of(first)]
            divided = Partitions(PARTITIONS)
            tokens = {
                partition: await client.create_local_session(subject_in(partition), client_id="web")
                for partition in divided
            }
            lost = {one for one in divided if await cluster.primary_of(one) is away[0]}
            assert 0 < len(lost) < PARTITIONS

            async def answered(client: AsyncClient = client) -> set[int]:
                found = await asyncio.gather(
                    *(is_answered(client, one.access_token) for one in tokens.values())
                )
                return {one for one, is_one in zip(tokens, found, strict=True) if is_one}

            assert await answered() == set(divided)
            for node in away:
                # Who starts meanwhile cannot see that.
                await node.redis.config_set("maxmemory-policy", "allkeys-lru")
                node.freeze()

            async def only_others_are_answered() -> bool:
                return await answered() == set(divided) - lost

            await eventually(only_others_are_answered, timeout=20)
            for one in set(divided) - lost:
                refreshed = await client.refresh(tokens[one].refresh_token)
                assert isinstance(await client.validate(refreshed.access_token), Session)
                assert (await client.revoke_refresh_token(refreshed.refresh_token)).sessions_ended == 1
            assert await only_others_are_answered()
            # Nobody else answers better: this server still gets calls, and says what is wrong.
            await says_what_is_away(server, len(lost))
            async with (
                serving(config, config.parent, tmp_path / "log-2") as newcomer,
                AsyncClient(newcomer.grpc) as other,
            ):
                await says_what_is_away(newcomer, len(lost))
                assert await answered(other) == set(divided) - lost
                for node in away:
                    node.thaw()

                async def all_are_answered() -> bool:
                    return await answered() >= lost

                await eventually(all_are_answered, timeout=30)
                (told, *_) = await newcomer.said(event="the store could lose what was acknowledged")
                assert told["reasons"][0].startswith("the store may evict what it holds")


@pytest.mark.long
async def test_refreshes_go_on_while_a_partition_moves_and_a_primary_dies(tmp_path: Path) -> None:
    async with running_redis_cluster(tmp_path / "store") as cluster:
        config = on_store(tmp_path, cluster.url)
        async with (
            serving(config.write("one.toml"), tmp_path, tmp_path / "log-1") as one,
            serving(config.write("two.toml"), tmp_path, tmp_path / "log-2") as two,
            rotating([one.grpc, two.grpc], sessions=PARTITIONS, subject=subject_in) as rotations,
        ):
            source = await cluster.primary_of(MOVED)
            await cluster.move(MOVED, next(node for node in cluster.nodes[:3] if node is not source))
            await rotations.go_on()
            killed = cluster.nodes[0]
            promoted = cluster.replica_of(killed)
            await killed.kill()
            await eventually(lambda: is_primary(promoted), timeout=FAILOVER_SECONDS)
            # What is acknowledged is in a replica, and now there is none until this one comes back.
            await killed.start()
            await rotations.go_on(seconds=FAILOVER_SECONDS)
        sys.stderr.write(f"\n{rotations.summary()}\n")


async def says_what_is_away(server: Server, lost: int) -> None:
    status, body = await server.page("/readyz")
    assert status == 200
    assert f"{lost} of {PARTITIONS} partitions of the store do not answer" in body


def subject_in(partition: int) -> str:
    divided = Partitions(PARTITIONS)
    return next(
        name for name in map("user-{}".format, range(1000)) if divided.of_subject(ISSUER, name) == partition
    )


async def is_primary(node: Valkey) -> bool:
    return bool((await node.redis.info("replication"))["role"] == "master")


async def is_answered(client: AsyncClient, token: str) -> bool:
    try:
        await client.validate(token, timeout=2)
    except UnavailableError:
        return False
    return True
