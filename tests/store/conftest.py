"""One real Valkey a worker, empty at the start of every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.embedded import EmbeddedStore, embedded_store
from sessiond_server.adapters.store.client import StoreAddress, connect
from tests.support.store import SilentLog, Store, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStore]:
    async with embedded_store(tmp_path_factory.mktemp("v") / "d", log=SilentLog()) as store:
        yield store


@pytest.fixture
async def store(valkey: EmbeddedStore) -> AsyncIterator[Store]:
    redis = connect(StoreAddress(f"unix://{valkey.socket_path}"))
    await redis.flushall()
    yield connected(redis)
    await redis.aclose()
