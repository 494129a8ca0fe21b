"""A server that is told to stop: what is in flight is answered, and what comes later is told where to go."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import AsyncClient, ProviderTokens, Rejection
from sessiond.errors import read_details
from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.adapters.store.limits import MEMBERS_A_CALL
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.record import State
from sessiond_server.adapters.store.records import index_key
from sessiond_server.adapters.store.scripts.declaration import COMMON_KEYS
from tests.support.config import Config, scalekit
from tests.support.http2 import framed, http2_peer
from tests.support.idp import Idp, running_idp
from tests.support.local_issuer import on_store
from tests.support.proxy import running_proxy
from tests.support.server import Server, serving, sessiond
from tests.support.session_model.records import header_of
from tests.support.valkeys import HOST, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

CALLERS = 32
LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}


def told(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, bool]:
    """The code, the reason, and whether it was said when to come back."""
    trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
    details = read_details(trailers.get("grpc-status-details-bin", b""))
    return error.code(), details.reason, details.retry_after is not None


async def call_until_refused(address: str, answered: list[None]) -> tuple[grpc.StatusCode, str, bool]:
    """Call again as soon as an answer comes; what the first refusal says."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        stub: Any = SessionServiceStub(channel)
        while True:
            try:
                await stub.ValidateToken(ValidateTokenRequest(token="a.b.c"), timeout=20)
            except grpc.aio.AioRpcError as error:
                return told(error)
            answered.append(None)


async def stop_under_load(server: Server) -> list[tuple[grpc.StatusCode, str, bool]]:
    answered: list[None] = []
    calls = [asyncio.create_task(call_until_refused(server.grpc, answered)) for _ in range(CALLERS)]
    await eventually(lambda: len(answered) > 20 * CALLERS)
    assert await server.stop() == 0
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("delay", ["0s", "300ms"])
async def test_no_call_fails_that_was_in_flight_at_sigterm(tmp_path: Path, delay: str) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_delay": delay}
    async with serving(config.write(), config.data, tmp_path / "log") as server:
        refusals = await stop_under_load(server)
    assert set(refusals) == {(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", True)}
    codes = {line["code"] for line in server.calls()}
    assert codes == {"OK", "UNAVAILABLE"}


async def test_a_slow_call_is_answered_after_sigterm(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
        ):
            login = await idp.login()
            tokens = ProviderTokens(login["access_token"], login["refresh_token"], login["id_token"])
            opened = await client.create_session(idp.issuer, tokens)
            await idp.switch(latency=1.0)
            refresh = asyncio.create_task(client.refresh(opened.refresh_token))
            await eventually(partial(is_asked, idp))
            assert await server.stop() == 0
            assert (await refresh).session.session_id == opened.session.session_id


@pytest.mark.slow
async def test_what_is_asked_ahead_of_need_is_kept_after_sigterm(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        ahead = {"refresh_ahead": "10m", "reuse_access_token_above": "60s", "grace": "0s"}
        path = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path, **ahead)]).write()
        data = tmp_path / "d"
        async with (
            serving(path, data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
        ):
            login = await idp.login()
            await idp.switch(latency=1.0)
            tokens = ProviderTokens(login["access_token"], login["refresh_token"], login["id_token"])
            opened = await client.create_session(idp.issuer, tokens)
            await eventually(partial(is_asked, idp))
            assert await server.stop() == 0
        async with (
            serving(path, data, tmp_path / "second-log") as server,
            AsyncClient(server.grpc, timeout=10) as client,
        ):
            refreshed = await client.refresh(opened.refresh_token)
            assert refreshed.access_token != opened.access_token
            assert (await idp.counts())["refreshed"] == 1


async def test_an_end_of_all_that_its_caller_has_left_is_carried_out_after_sigterm(tmp_path: Path) -> None:
    async with running_valkeys(tmp_path / "store", 1) as (store,), running_proxy(store.port) as link:
        config = on_store(tmp_path, f"redis://{HOST}:{link.port}")
        key, issuer = config.caller("admin", ["mint", "revoke"]), LOCAL["issuer"]
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, key=key) as client,
        ):
            opened = await client.create_local_session("alice")
            # What the store looks at before it comes to the session, whichever way it goes.
            index = key_in(0, index_key(issuer, "alice"))
            ((_, middle_ms),) = await store.redis.zrange(index, 0, 0, withscores=True)
            for score in (middle_ms - 1, middle_ms + 1):
                await store.redis.zadd(index, {os.urandom(32): score for _ in range(4 * MEMBERS_A_CALL)})
            link.delay_seconds = 0.05
            ending = asyncio.create_task(client.revoke_subject(issuer, "alice"))
            await eventually(partial(store.redis.exists, key_in(0, COMMON_KEYS["LOG"])))
            ending.cancel()
            assert await server.stop() == 0
        assert (await header_of(store.redis, opened.session.session_id)).state == State.ENDED


async def is_asked(idp: Idp) -> bool:
    return bool((await idp.counts())["token"])


async def test_health_says_so_while_calls_are_still_taken(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_delay": "60s"}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        AsyncClient(server.grpc) as client,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert isinstance(await client.validate("a.b.c"), Rejection)
        async with aiohttp.request("GET", f"http://{server.http}/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "the server is about to stop\n")
        await server.kill()


async def test_a_second_signal_cuts_the_delay(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_delay": "5m"}
    async with serving(config.write(), config.data, tmp_path / "log") as server:
        server.process.send_signal(signal.SIGTERM)
        await server.said(event="stopping")
        assert await server.stop() == 0
    assert await server.said(event="stopped")


async def test_a_server_that_is_stopped_while_it_starts_stops_at_once(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_delay": "5m"}
    process = await sessiond("serve", "--config", str(config.write()), log=tmp_path / "log")
    server = Server(process, config.data, tmp_path / "log")
    await eventually(lambda: server.store_pid or process.returncode is not None, timeout=30)
    assert await server.stop() == 0


async def test_a_watch_of_health_does_not_keep_a_server_from_stopping(tmp_path: Path) -> None:
    """It would go on for ever: only the end of the grace would end it."""
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_grace": "5m"}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
        http2_peer(server.grpc, window_bytes=0) as deaf,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        stream = await deaf.open("/grpc.health.v1.Health/Watch")
        await deaf.send(stream, framed(b""), end=True)
        await deaf.until(lambda: stream.headers)
        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await watch.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        await deaf.reset(stream)
        assert await stopping == 0
