"""What every store must do: over one partition, over three, and over a cluster.

On a cluster a few files are run by default, and all of them by `make test-cluster`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.cluster_nodes import ClusterNodes
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.leases import Provider
from tests.support.redis_clusters import RedisClusterNodes, client_of, running_redis_cluster
from tests.support.store import Store, be_patient, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sessiond_server.adapters.embedded.store import EmbeddedStore

PARTITIONS_OF_A_CLUSTER = 16
CLUSTER_ID = "on-a-cluster"
BY_DEFAULT = {"test_rotation.py", "test_cutoffs.py"}
ON_A_CLUSTER = pytest.mark.xdist_group("redis-cluster")


@pytest.fixture(
    params=[
        pytest.param(1, id="one-partition"),
        pytest.param(3, id="three-partitions"),
        pytest.param(PARTITIONS_OF_A_CLUSTER, id=CLUSTER_ID, marks=ON_A_CLUSTER),
    ]
)
def partitions(request: pytest.FixtureRequest) -> int:
    return request.param


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what takes minutes to a target of its own."""
    for item in items:
        if CLUSTER_ID in item.nodeid and item.path.name not in BY_DEFAULT:
            item.add_marker(pytest.mark.long)


@pytest.fixture
def one_server(partitions: int) -> None:
    """For tests that look into the one server, or have another way to it than the store under test."""
    if partitions == PARTITIONS_OF_A_CLUSTER:
        pytest.skip("looks into one server")


@pytest.fixture(scope="package")
async def find_cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Callable[[], Awaitable[RedisClusterNodes]]]:
    """Gives the cluster, which is started for whoever asks first."""
    started: list[RedisClusterNodes] = []
    async with AsyncExitStack() as stack:

        async def find() -> RedisClusterNodes:
            if not started:
                running = running_redis_cluster(tmp_path_factory.mktemp("c"), has_replicas=False)
                started.append(await stack.enter_async_context(running))
            return started[0]

        yield find


@pytest.fixture
async def store(
    valkey: EmbeddedStore,
    find_cluster: Callable[[], Awaitable[RedisClusterNodes]],
    partitions: int,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Store]:
    be_patient(monkeypatch)
    async with AsyncExitStack() as stack:
        if partitions == PARTITIONS_OF_A_CLUSTER:
            cluster = await find_cluster()
            redis, nodes = client_of(cluster), ClusterNodes(StoreAddress(cluster.url))
            stack.push_async_callback(nodes.aclose)
        else:
            redis, nodes = connect(StoreAddress(f"unix://{valkey.socket_path}")), None
        stack.push_async_callback(redis.aclose)
        await redis.flushall()
        yield connected(redis, nodes=nodes, partitions=partitions)


@pytest.fixture
def provider(store: Store) -> Provider:
    """Sessions of a provider in the store."""
    return Provider(store, store.stores.leases, store.stores.queue)
