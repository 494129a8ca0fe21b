"""Watching revocations through what happens to servers, stores and providers; and who may watch."""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from sessiond import AsyncClient, Session
from sessiond.v1 import session_pb2
from sessiond_server.domain.identifiers import hashed_id
from tests.support.config import Config, scalekit
from tests.support.http2 import framed, http2_peer
from tests.support.idp import Idp, running_idp
from tests.support.server import Server, running, serving
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.watching import Watcher

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
NOT_PERMITTED = (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_PERMITTED")
UNKNOWN = (grpc.StatusCode.PERMISSION_DENIED, "CALLER_UNKNOWN")
EXHAUSTED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHERS_EXHAUSTED")


def session(session_id: str) -> bytes:
    return hashed_id("session", "", session_id)


async def revoke(client: AsyncClient) -> str:
    session_id = (await client.create_local_session("alice")).session.session_id
    await client.revoke_session(session_id)
    return session_id


async def refused(channel: grpc.aio.Channel, key: str = "") -> tuple[grpc.StatusCode, str]:
    async with watching(channel, key=key) as watcher:
        code, details = await watcher.ended()
    return code, details.reason


@dataclass
class Callers:
    """A server on which some may watch."""

    server: Server
    channel: grpc.aio.Channel
    keys: dict[str, str]

    @asynccontextmanager
    async def watchers(self, name: str, count: int) -> AsyncIterator[list[Watcher]]:
        async with AsyncExitStack() as stack:
            found = [
                await stack.enter_async_context(watching(self.channel, key=self.keys[name]))
                for _ in range(count)
            ]
            for watcher in found:
                await watcher.next("started")
            yield found


@pytest.fixture
async def callers(tmp_path: Path) -> AsyncIterator[Callers]:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"anonymous": ["validate"]}
    config.tables["revocation"] = {"max_watchers": 4, "max_watchers_of_a_caller": 3}
    groups = {"cache": ["watch"], "agent": ["watch", "validate"], "orders": ["validate", "session"]}
    keys = {name: config.caller(name, of) for name, of in groups.items()}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        yield Callers(server, channel, keys)


async def test_only_who_may_watch_does(callers: Callers) -> None:
    assert await refused(callers.channel, callers.keys["orders"]) == NOT_PERMITTED
    assert await refused(callers.channel) == NOT_PERMITTED
    assert await refused(callers.channel, "nobody's key") == UNKNOWN
    async with callers.watchers("cache", 1):
        pass


@pytest.mark.parametrize(("name", "status"), [("", 7), ("orders", 7), ("cache", None)])
async def test_who_may_not_is_refused_before_a_message_of_it_is_read(
    callers: Callers, name: str, status: int | None
) -> None:
    authorization = (("authorization", f"Bearer {callers.keys[name]}"),) if name else ()
    async with http2_peer(callers.server.grpc) as peer:
        stream = await peer.open("/sessiond.v1.SessionService/WatchRevocations", *authorization)
        if status is None:
            await peer.send(stream, framed(b""), end=True)
        await peer.until(lambda: stream.over or stream.data)
        assert stream.status == status
    if status is not None:
        (line,) = await callers.server.said(event="call", method="WatchRevocations")
        assert (line["reason"], line["caller"]) == ("CALLER_NOT_PERMITTED", name or "anonymous")


async def test_watchers_are_bounded_in_all_and_of_each_caller(callers: Callers) -> None:
    async with callers.watchers("cache", 3):
        assert await refused(callers.channel, callers.keys["cache"]) == EXHAUSTED
        async with callers.watchers("agent", 1):
            assert await refused(callers.channel, callers.keys["agent"]) == EXHAUSTED


async def test_a_watcher_that_leaves_makes_room(callers: Callers) -> None:
    async with callers.watchers("cache", 3):
        pass
    assert len(await callers.server.said(event="call", method="WatchRevocations", code="CANCELLED")) >= 1
    async with callers.watchers("cache", 3):
        pass


async def test_without_callers_any_local_caller_may_watch(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
        watching(channel) as watcher,
    ):
        await watcher.next("freshness")


async def test_a_server_that_stops_sends_its_watchers_elsewhere(tmp_path: Path) -> None:
    """They are told after the health service has said it, and may come back at once, but not here."""
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_delay": "300ms"}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
        watching(channel) as watcher,
        AsyncExitStack() as stack,
    ):
        raw = await stack.enter_async_context(http2_peer(server.grpc))
        stream = await raw.open("/sessiond.v1.SessionService/WatchRevocations")
        await raw.send(stream, framed(b""), end=True)
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await watcher.next("freshness")
        server.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        # During the delay streams go on.
        await watcher.next("freshness")
        code, details = await watcher.ended()
        assert (code, details.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        assert details.retry_after is not None
        assert details.retry_after.total_seconds() == 0
        await raw.until(lambda: stream.over)
        # Whoever comes back at once does so on another connection.
        assert (stream.status, raw.goaway) == (grpc.StatusCode.UNAVAILABLE.value[0], 0)
        assert await server.process.wait() == 0


async def test_whoever_moves_to_another_server_misses_nothing(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "1.log") as one,
        running(tmp_path / "d", tmp_path / "2.log", join=True) as other,
        AsyncClient(one.grpc, timeout=5) as client,
        grpc.aio.insecure_channel(one.grpc) as to_one,
        grpc.aio.insecure_channel(other.grpc) as to_other,
    ):
        async with watching(to_one) as watcher:
            started = await watcher.next("started")
            last = await watcher.revoked(session(await revoke(client)))
        missed = await revoke(client)
        # The other server may not have read so far yet.
        async with watching(to_other, last.revision) as watcher:
            assert (await watcher.next("started")).configuration == started.configuration
            await watcher.revoked(session(missed))
            await watcher.revoked(session(await revoke(client)))
            assert "reset" not in watcher.kinds()


async def test_a_store_that_has_lost_its_log_resets_who_watches(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        AsyncClient(server.grpc, timeout=5) as client,
        grpc.aio.insecure_channel(server.grpc) as channel,
        watching(channel) as watcher,
    ):
        last = await watcher.revoked(session(await revoke(client)))
        async with Redis(unix_socket_path=str(server.data / "valkey.sock")) as redis:
            await redis.flushall()
        reset = await watcher.next("reset")
        assert reset.revision != last.revision
        async with watching(channel, last.revision) as later:
            await later.next("reset")
        await watcher.revoked(session(await revoke(client)))


@dataclass
class Provided:
    """A server before a provider, and a channel to it."""

    idp: Idp
    client: AsyncClient
    channel: grpc.aio.Channel


@pytest.fixture
async def provided(tmp_path: Path) -> AsyncIterator[Provided]:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
            grpc.aio.insecure_channel(server.grpc) as channel,
        ):
            yield Provided(idp, client, channel)


async def test_a_key_that_its_provider_withdraws_is_told_now_and_for_a_while(provided: Provided) -> None:
    idp, client = provided.idp, provided.client
    kept = await client.validate((await idp.login())["access_token"])
    assert isinstance(kept, Session)
    async with watching(provided.channel) as watcher:
        await watcher.next("freshness")
        await idp.change_keys("add")
        await idp.change_keys("drop")
        # A token of the new key has the server look.
        assert isinstance(await client.validate((await idp.login())["access_token"]), Session)
        key = hashed_id("key", idp.issuer, kept.key_id)
        told = await watcher.revoked(key)
        assert (told.type, told.revision) == (session_pb2.REVOCATION_TYPE_KEY, "")
        fresh = await watcher.next("freshness")
    for revision in ("", fresh.revision):
        async with watching(provided.channel, revision) as watcher:
            await watcher.revoked(key)
            assert watcher.kinds() == ["started", "revocation"]


@pytest.mark.slow
async def test_a_frozen_store_is_seen_by_how_fresh_streams_are(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
        watching(channel) as watcher,
    ):
        await watcher.next("freshness")
        store = server.store_pid
        assert store is not None
        os.kill(store, signal.SIGSTOP)
        try:
            # The last read may have been before the stream began.
            await watcher.until(
                lambda part: hasattr(part, "age") and min(part.age.seconds, part.since_start.seconds) >= 1
            )
        finally:
            os.kill(store, signal.SIGCONT)
        await watcher.until(lambda part: hasattr(part, "age") and part.age.seconds < 1)
