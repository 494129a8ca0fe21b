"""What comes in crowds: servers that start together, and revocations by the ten thousand."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from sessiond import FULLY_CONSISTENT, AsyncClient, Rejection, UnavailableError
from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.domain.revocation import ENTRY
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.snapshots import MAX_BEHIND, SnapshotKeeper
from tests.support.fakes import RecordingTelemetry, SilentLogger
from tests.support.revocations import MAX_STALENESS_SECONDS, alone
from tests.support.server import running
from tests.support.store import Store, connected
from tests.support.survivors import revoke
from tests.support.valkeys import Valkey, running_valkeys

if TYPE_CHECKING:
    from pathlib import Path

BEFORE, BEHIND = 5 * MAX_BEHIND, 20
BURST = 20_000


class Follower:
    """What a server does with the log, over connections of its own."""

    def __init__(self, store: Store, space: ScratchFile) -> None:
        clock = SystemClock()
        self.revocations = Revocations(
            store.log,
            max_staleness_seconds=MAX_STALENESS_SECONDS,
            clock=clock,
            checks=alone(clock),
            logger=SilentLogger(),
            telemetry=RecordingTelemetry(),
            space=space,
            snapshots=store.stores.snapshots,
        )
        self.keeper = SnapshotKeeper(
            self.revocations.view, store.stores.snapshots, store.log, logger=SilentLogger()
        )

    @classmethod
    async def of(cls, stack: AsyncExitStack, valkey: Valkey) -> Follower:
        redis = await stack.enter_async_context(aclosing(Redis.from_url(valkey.url, socket_timeout=60)))
        return cls(connected(redis), stack.enter_context(ScratchFile()))


@pytest.mark.parametrize("servers", [10, pytest.param(200, marks=pytest.mark.long)])
async def test_servers_that_start_together_read_a_snapshot_each(tmp_path: Path, servers: int) -> None:
    """If all of them read the whole log, the store would have to tell it as often as there are servers."""
    async with AsyncExitStack() as stack:
        (valkey,) = await stack.enter_async_context(running_valkeys(tmp_path, 1))
        store = connected(valkey.redis)
        entries = await revoke(store, BEFORE)
        first = await Follower.of(stack, valkey)
        await first.revocations.catch_up(0)
        assert await first.keeper.save(0)
        entries += await revoke(store, BEHIND)
        crowd = [await Follower.of(stack, valkey) for _ in range(servers)]
        await valkey.redis.config_resetstat()

        starting = asyncio.gather(*(one.revocations.catch_up(0) for one in crowd))
        entries += await revoke(store, BEHIND)
        await starting

        told = (await valkey.redis.info("stats"))["total_net_output_bytes"]
        assert told < servers * len(entries) * ENTRY.size / 2
        await asyncio.gather(*(one.revocations.catch_up_anew(0) for one in crowd))
        for one in crowd:
            assert one.revocations.is_synced
            assert all(one.revocations.view.find(entry.hashed_id) for entry in entries)


@pytest.mark.slow
async def test_a_server_that_a_burst_left_behind_accepts_nothing_that_was_revoked(tmp_path: Path) -> None:
    """It is done with the log once it has read the last page, not the first one that it gets."""
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "1.log"))
        there = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "2.log", join=True))
        client, other = [
            await stack.enter_async_context(AsyncClient(one.grpc, cache=None, timeout=5))
            for one in (here, there)
        ]
        valkey = Redis(unix_socket_path=str(here.data / "valkey.sock"))
        store = connected(await stack.enter_async_context(aclosing(valkey)))
        token = (await client.create_local_session("alice")).access_token
        assert not isinstance(await other.validate(token), Rejection)

        there.process.send_signal(signal.SIGSTOP)
        await revoke(store, BURST)
        await client.revoke_access_token(token)
        revoked = time.monotonic()
        there.process.send_signal(signal.SIGCONT)

        assert await _last_accepted(other, token) < revoked + MAX_STALENESS_SECONDS
        assert isinstance(await other.validate(token, consistency=FULLY_CONSISTENT), Rejection)


async def _last_accepted(client: AsyncClient, token: str) -> float:
    """When the last call began whose answer was that the token is good; it ends once that is refused."""
    accepted = 0.0
    while True:
        begun = time.monotonic()
        try:
            if isinstance(await client.validate(token), Rejection):
                return accepted
        except UnavailableError:
            continue
        accepted = begun
