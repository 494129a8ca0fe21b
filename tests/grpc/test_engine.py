"""The engine by itself: whatever is raised behind it, grpcio gets none of its text to send."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond_server.domain.address import Address
from sessiond_server.domain.failures import OverloadedError
from sessiond_server.transport.engine import grpcio, health
from sessiond_server.transport.engine.grpcio import GrpcioEngine
from sessiond_server.transport.engine.port import Call, Endpoints, Status
from sessiond_server.transport.failures import to_status
from tests.support.fakes import SilentTelemetry
from tests.support.http2 import framed, http2_peer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "telling-token"
NOT_SERVING = b"\x08\x02"


async def broken(*_: Any) -> bytes:
    raise ValueError(SECRET)


async def broken_stream(*_: Any) -> AsyncIterator[bytes]:
    yield b"first"
    raise ValueError(SECRET)


def broken_refusal(method: str, _credentials: Any) -> None:
    if method == "Refused":
        raise ValueError(SECRET)


def shed(_method: str) -> Status:
    return to_status(OverloadedError())


ANY_PORT = Address("127.0.0.1", 0)


def engine_of(endpoints: Endpoints, address: Address = ANY_PORT, **more: Any) -> GrpcioEngine:
    return GrpcioEngine(
        address,
        endpoints,
        is_serving=lambda: False,
        with_reflection=False,
        telemetry=SilentTelemetry(),
        **more,
    )


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    unary = {"Unary": broken, "Refused": broken}
    endpoints = Endpoints(
        "Test", unary=unary, streams={"Stream": broken_stream}, refuse=broken_refusal, shed=shed
    )
    engine = GrpcioEngine(
        Address.parse("127.0.0.1:0"),
        endpoints,
        is_serving=lambda: False,
        with_reflection=False,
        telemetry=SilentTelemetry(),
    )
    async with grpc.aio.insecure_channel(str(await engine.start())) as opened:
        yield opened
    await engine.stop(grace_seconds=0)


@pytest.mark.parametrize("method", ["Unary", "Refused", "Stream"])
async def test_an_exception_is_a_bare_internal(channel: grpc.aio.Channel, method: str) -> None:
    call = channel.unary_stream(f"/Test/{method}")(b"", timeout=5)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        async for _ in call:
            pass
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert failed.value.details() == "internal error"


async def test_a_unix_socket_is_nobodys_before_it_has_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    path, change = tmp_path / "s", Path.chmod
    before: list[int] = []
    after: list[int] = []

    def record(changed: Path, mode: int) -> None:
        before.append(stat.S_IMODE(changed.stat().st_mode))
        change(changed, mode)
        after.append(stat.S_IMODE(changed.stat().st_mode))

    monkeypatch.setattr(Path, "chmod", record)
    endpoints = Endpoints("Test", unary={}, streams={}, refuse=broken_refusal, shed=shed)
    address = Address.parse(f"unix:{path}")
    umask = os.umask(0)
    try:
        engine = GrpcioEngine(
            address,
            endpoints,
            is_serving=lambda: False,
            with_reflection=False,
            telemetry=SilentTelemetry(),
            socket_mode=0o660,
        )
        await engine.start()
        await engine.stop(grace_seconds=0)
    finally:
        left = os.umask(umask)
    assert [mode & 0o077 for mode in before] == [0]
    assert after == [0o660]
    assert left == 0


def with_options(monkeypatch: pytest.MonkeyPatch, **changed: int) -> None:
    """Let engines have other options than the usual ones, by their names without `grpc.`."""
    options = dict(grpcio._OPTIONS) | {f"grpc.{name}": value for name, value in changed.items()}
    monkeypatch.setattr(grpcio, "_OPTIONS", tuple(options.items()))


@asynccontextmanager
async def serving(**unary: Any) -> AsyncIterator[str]:
    """An engine with these handlers; its address."""
    endpoints = Endpoints("Test", unary=unary, streams={}, refuse=no_refusal, shed=shed)
    engine = GrpcioEngine(
        Address.parse("127.0.0.1:0"),
        endpoints,
        is_serving=lambda: False,
        with_reflection=False,
        telemetry=SilentTelemetry(),
    )
    try:
        yield str(await engine.start())
    finally:
        await engine.stop(grace_seconds=0)


def no_refusal(_method: str, _credentials: Any) -> None:
    return None


async def echo(raw: bytes, _call: Call) -> bytes:
    return raw


async def test_the_age_of_a_connection_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with_options(monkeypatch, max_connection_age_ms=300)
    over = asyncio.Event()

    async def call_on(channel: grpc.aio.Channel) -> int:
        method, count = channel.unary_unary("/Test/Echo"), 0
        while not over.is_set():
            assert await method(b"x", timeout=10) == b"x"
            count += 1
        return count

    async with serving(Echo=echo) as address, AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            for _ in range(4)
        ]
        calls = [asyncio.create_task(call_on(channel)) for channel in channels for _ in range(8)]
        for _ in range(5):
            async with http2_peer(address) as peer:
                await peer.until(lambda peer=peer: peer.closed or peer.goaway is not None)
        over.set()
        assert all(await asyncio.gather(*calls))


async def test_there_are_no_more_connections_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dict(grpcio._OPTIONS)["grpc.max_allowed_incoming_connections"] == 1000
    with_options(monkeypatch, max_allowed_incoming_connections=2)
    async with serving(Echo=echo) as address:
        async with http2_peer(address) as first, http2_peer(address):
            with pytest.raises(AssertionError, match="closed: True"):
                async with http2_peer(address):
                    pass
            assert bytes((await first.call("/Test/Echo", b"x")).data[5:]) == b"x"
        assert await eventually(partial(is_answered, address))


async def is_answered(address: str) -> bool:
    """Whether a new connection is taken, and a call on it answered.

    A server that has as many as may be takes one in, and closes it, until it has seen that others left.
    """
    try:
        async with http2_peer(address) as peer:
            return (await peer.call("/Test/Echo", b"x")).status == 0
    except (AssertionError, ConnectionError):
        return False


async def test_many_calls_of_one_client_wait_for_their_turn() -> None:
    """A stream limit without more makes grpcio reset streams of well-behaved clients."""
    async with serving(Echo=echo) as address, grpc.aio.insecure_channel(address) as channel:
        method = channel.unary_unary("/Test/Echo")
        for _ in range(3):
            assert await asyncio.gather(*(method(b"x", timeout=30) for _ in range(500))) == [b"x"] * 500


async def test_a_call_is_done_when_its_answer_has_been_taken() -> None:
    done = asyncio.Event()

    async def large(_raw: bytes, call: Call) -> bytes:
        call.when_done(done.set)
        return bytes(1 << 20)

    async with serving(Large=large) as address, http2_peer(address, window_bytes=0) as deaf:
        stream = await deaf.open("/Test/Large")
        await deaf.send(stream, framed(b""), end=True)
        await deaf.until(lambda: stream.headers)
        assert not done.is_set()
        await deaf.reset(stream)
        async with asyncio.timeout(10):
            await done.wait()


async def test_a_message_in_a_hurry_is_answered_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpcio, "_MAX_SILENT", 0)
    async with serving(Echo=echo, Broken=broken) as address, http2_peer(address) as peer:
        assert bytes((await peer.call("/Test/Echo", b"x")).data[5:]) == b"x"
        stream = await peer.call("/Test/Broken", b"x")
        assert (stream.status, stream.details) == (grpc.StatusCode.INTERNAL.value[0], "internal error")
        empty = await peer.open("/Test/Echo")
        await peer.send(empty, b"", end=True)
        await peer.until(lambda: empty.over)
        assert empty.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_few_calls_that_ended_without_a_message_are_left_unanswered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grpcio, "_MAX_LOST", 2)
    async with serving(Echo=echo) as address, http2_peer(address) as peer:
        streams = []
        for _ in range(6):
            stream = await peer.open("/Test/Echo")
            await peer.send(stream, b"", end=True)
            streams.append(stream)
            # One after the other: what is answered later was looked at later.
            assert (await peer.call("/Test/Echo", b"x")).status == 0
        assert [stream.over for stream in streams] == [False, False, True, True, True, True]
        assert {stream.status for stream in streams} == {None, grpc.StatusCode.INVALID_ARGUMENT.value[0]}


async def test_health_is_answered_by_headers_alone_where_many_are_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_NAMES_AT_A_TIME", 0)
    async with serving(Echo=echo) as address, http2_peer(address) as peer:
        check = await peer.open("/grpc.health.v1.Health/Check")
        watch = await peer.open("/grpc.health.v1.Health/Watch")
        await peer.until(lambda: check.over and watch.data)
        assert (check.status, bytes(check.data[5:])) == (0, NOT_SERVING)
        assert bytes(watch.data[5:]) == NOT_SERVING


async def test_who_is_in_a_hurry_and_ends_without_a_message_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shed: list[str] = []

    def count(method: str) -> Status:
        shed.append(method)
        return to_status(OverloadedError())

    monkeypatch.setattr(grpcio, "_MAX_SILENT", 0)
    monkeypatch.setattr(grpcio, "_MAX_HURRIED", 3)
    endpoints = Endpoints("Test", unary={"Echo": echo}, streams={}, refuse=no_refusal, shed=count)
    engine = engine_of(endpoints)
    async with http2_peer(str(await engine.start())) as peer:
        ended, large, silent = [await peer.open("/Test/Echo") for _ in range(3)]
        await peer.send(ended, b"", end=True)
        await peer.send(large, framed(b"", length=2 << 20))
        await peer.until(lambda: ended.over and large.over)
        assert ended.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert large.status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        assert shed == []
        for _ in range(3):
            await peer.open("/Test/Echo")
        await peer.until(lambda: silent.over)
        assert shed == ["Echo"]
    await engine.stop(grace_seconds=0)


@pytest.mark.parametrize("max_silent", [0, 32], ids=["in a hurry", "patiently"])
async def test_a_call_that_is_refused_leaves_nothing_for_the_garbage_collection(
    monkeypatch: pytest.MonkeyPatch, max_silent: int
) -> None:
    """Its frames hold the request, and so callers would hold more than the caps."""
    monkeypatch.setattr(grpcio, "_MAX_SILENT", max_silent)

    async def refused(_raw: bytes, _call: Call) -> Status:
        return to_status(OverloadedError())

    unary = {"Broken": broken, "RefusedLater": refused, "Refused": broken, "Echo": echo}
    endpoints = Endpoints(
        "Test", unary=unary, streams={"Stream": broken_stream}, refuse=broken_refusal, shed=shed
    )
    engine = engine_of(endpoints)
    async with http2_peer(str(await engine.start())) as peer:
        gc.collect()
        gc.disable()
        try:
            for name in ("Broken", "RefusedLater", "Refused", "Stream"):
                assert (await peer.call(f"/Test/{name}", b"x")).status
            for raw in (b"\xff", b"\x0a\x01x"):
                assert (await peer.call("/grpc.health.v1.Health/Check", raw)).status
            # grpcio keeps the latest call until another one comes.
            assert (await peer.call("/Test/Echo", b"x")).status == 0
            await eventually(
                lambda: not any(isinstance(one, grpc.aio.AbortError) for one in gc.get_objects())
            )
        finally:
            gc.enable()
    await engine.stop(grace_seconds=0)
