"""What a server says of how it follows the revocations, when its store has lost them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sessiond import AsyncClient, PartitionStatus
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.server import running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def test_that_a_log_was_read_anew_is_told_with_when_and_why(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        AsyncClient(server.grpc, timeout=5) as client,
    ):
        tokens = await client.create_local_session("alice")
        await client.revoke_session(tokens.session.session_id)
        (before,) = (await client.revocation_status()).partitions
        assert (before.read, before.resync_reason, before.restoring) == (1, "", False)
        redis = connect(StoreAddress(f"unix://{server.data / 'valkey.sock'}"))
        try:
            await redis.flushall()
        finally:
            await redis.aclose()

        async def read_anew() -> PartitionStatus | None:
            (found,) = (await client.revocation_status()).partitions
            return found if found.resync_reason else None

        after = await eventually(read_anew)
        assert after is not None
        assert (after.resync_reason, after.incarnation != before.incarnation) == ("INCARNATION", True)
        assert after.resync_time is not None
        assert abs(after.resync_time.timestamp() - time.time()) < 60

        async def is_restored() -> bool:
            (found,) = (await client.revocation_status()).partitions
            return found.read == 1 and not found.restoring

        await eventually(is_restored)
