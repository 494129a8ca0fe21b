"""A store that is started again on an older copy of its files: it has lost a rotation and no revocation."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.service.storage.sessions import Rotated
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger
from tests.support.revocations import viewed
from tests.support.store import Store, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Store]:
    async with embedded_store(directory, logger=SilentLogger()) as valkey:
        redis = connect(StoreAddress(f"unix://{valkey.socket_path}"))
        yield connected(redis)
        await redis.aclose()


async def test_a_rotation_that_the_store_has_forgotten_is_made_up_for(tmp_path: Path) -> None:
    files = tmp_path / "d" / "appendonlydir"
    telemetry = RecordingTelemetry()
    async with opened(tmp_path / "d") as store:
        reader = viewed(store, FakeClock(), telemetry)
        ended, token = await store.open(), await store.open()
        await store.end(ended.session)
        await reader.catch_up(0)
    shutil.copytree(files, tmp_path / "older")
    async with opened(tmp_path / "d") as store:
        reader._log_store = reader._history._log_store = store.log
        await reader.catch_up(0)
        successor = await store.next(token)
    shutil.rmtree(files)
    shutil.copytree(tmp_path / "older", files)
    async with opened(tmp_path / "d") as store:
        reader._log_store = reader._history._log_store = store.log
        await reader.catch_up(0)
        assert (await store.header(token.session)).generation == token.generation
        assert isinstance(await store.rotate(successor), Rotated)
        assert int(await store.redis.get(store.key("changed"))) > 0
    # Incarnation, number and tag of the log are the same: it is the run that tells.
    assert telemetry.of("log_resynced") == []
    assert len(telemetry.of("store_run_changed")) == 2
