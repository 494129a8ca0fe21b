"""One real Valkey for each worker, empty at the start of every test; it has one partition by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.embedded.store import EmbeddedStore, embedded_store
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.fakes import SilentLogger
from tests.support.store import Store, connected
from tests.support.watched import Watched, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis


@pytest.fixture(scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStore]:
    async with embedded_store(tmp_path_factory.mktemp("v") / "d", logger=SilentLogger()) as store:
        yield store


@pytest.fixture
def partitions() -> int:
    return 1


@pytest.fixture
async def store(valkey: EmbeddedStore, partitions: int) -> AsyncIterator[Store]:
    redis = connect(StoreAddress(f"unix://{valkey.socket_path}"))
    await redis.flushall()
    yield connected(redis, partitions=partitions)
    await redis.aclose()


@pytest.fixture(scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """A Valkey for one file of tests, because its settings are changed."""
    async with embedded_store(tmp_path_factory.mktemp("e") / "d", logger=SilentLogger()) as valkey:
        yield f"unix://{valkey.socket_path}", valkey.directory


@pytest.fixture
async def own(address: tuple[str, Path]) -> AsyncIterator[Watched]:
    async with watched(address[0]) as found:
        yield found


@pytest.fixture
async def admin(address: tuple[str, Path]) -> AsyncIterator[Redis]:
    redis = connect(StoreAddress(address[0]))
    await redis.flushall()
    yield redis
    await redis.aclose()
