"""Whoever can reach the gRPC port: what strangers hold, they hold alone, and everybody else is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import AsyncClient, Rejection
from sessiond.errors import read_details
from sessiond.v1.session_service_pb2 import (
    ListSessionsRequest,
    RevokeSessionRequest,
    ValidateTokenRequest,
    ValidateTokensRequest,
)
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.config import Config
from tests.support.http2 import Http2Peer, Stream, framed, http2_peer
from tests.support.server import Server, running, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"
)

SERVICE = "/sessiond.v1.SessionService"
VALIDATE = f"{SERVICE}/ValidateToken"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
LIST_SERVICES = b"\x3a\x00"
STREAMS_OF_A_CONNECTION = 100
WINDOW_BYTES = 64 << 10
MAX_REQUEST_BYTES = 1280 << 10
CONTAINER_BYTES = 256 << 20
OVERLOADED = (int(grpc.StatusCode.UNAVAILABLE.value[0]), True)
TIMEOUT = 30


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """One of its own for each test, because what it holds is looked at; anyone local may call it."""
    async with running(tmp_path / "d", tmp_path / "log") as server:
        yield server


def resident_bytes(server: Server, field: str = "VmRSS") -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) << 10


async def peers(stack: AsyncExitStack, server: Server, count: int) -> list[Http2Peer]:
    return [await stack.enter_async_context(http2_peer(server.grpc)) for _ in range(count)]


async def streams_of(peer: Http2Peer, path: str, *metadata: tuple[str, str]) -> list[Stream]:
    return [await peer.open(path, *metadata) for _ in range(STREAMS_OF_A_CONNECTION)]


def told(stream: Stream) -> tuple[int | None, bool]:
    """The status, and whether it was said when to come back."""
    headers = stream.headers | stream.trailers
    return stream.status, "grpc-retry-pushback-ms" in headers


async def is_served(server: Server) -> None:
    """A caller and a health check are answered, on connections of their own."""
    async with AsyncClient(server.grpc, timeout=TIMEOUT) as client, http2_peer(server.grpc) as peer:
        assert isinstance(await client.validate("a.b.c"), Rejection)
        health = await peer.call(CHECK, b"")
    assert (health.status, bytes(health.data[5:])) == (0, b"\x08\x01")


@pytest.mark.slow
async def test_silent_streams_keep_nobody_out(server: Server) -> None:
    before = resident_bytes(server)
    async with AsyncExitStack() as stack:
        hostile = await peers(stack, server, 21)
        silent = [stream for peer in hostile for stream in await streams_of(peer, VALIDATE)]
        await is_served(server)
        # Those that may be silent for as long as they like are few.
        await eventually(lambda: sum(stream.over for stream in silent) >= len(silent) - 32, timeout=TIMEOUT)
        await is_served(server)
        outcomes = Counter(told(stream) for stream in silent)
        assert resident_bytes(server) - before < 64 << 20
    assert outcomes[OVERLOADED] == len(silent) - outcomes[None, False]


async def test_silent_checks_of_health_keep_nobody_out(server: Server) -> None:
    async with AsyncExitStack() as stack:
        for number, peer in enumerate(await peers(stack, server, 4)):
            await streams_of(peer, CHECK if number % 2 else WATCH)
        await is_served(server)


async def test_a_strangers_streams_cost_next_to_nothing(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    config.caller("known", ["validate"])
    async with serving(config.write(), config.data, tmp_path / "log") as server, AsyncExitStack() as stack:
        before = resident_bytes(server)
        part = framed(bytes(1 << 20), length=MAX_REQUEST_BYTES)
        for peer in await peers(stack, server, 2):
            streams = await streams_of(peer, VALIDATE)
            for stream in streams:
                await peer.send(stream, part)
            await peer.until(lambda streams=streams: all(stream.over for stream in streams))
            assert {stream.status for stream in streams} == {grpc.StatusCode.PERMISSION_DENIED.value[0]}
        # A window each would be 13 MB; whole messages were 895 MB.
        assert resident_bytes(server) - before < 2 * STREAMS_OF_A_CONNECTION * WINDOW_BYTES * 2


async def test_a_window_does_not_grow_with_what_a_peer_sends(server: Server) -> None:
    request = ValidateTokenRequest(token="x" * 1_000_000).SerializeToString()
    async with http2_peer(server.grpc) as peer:
        for _ in range(20):
            assert (await peer.call(VALIDATE, request)).status == 0
        stream = await peer.open(VALIDATE)
        assert peer.window(stream) <= WINDOW_BYTES


async def test_known_callers_hold_no_more_than_the_caps(server: Server) -> None:
    """Each sends all of a message but its last bytes, so that it stays with the server."""
    before = resident_bytes(server)
    promised = framed(bytes(MAX_REQUEST_BYTES - 8), length=MAX_REQUEST_BYTES)
    async with AsyncExitStack() as stack:
        hostile = await peers(stack, server, 2)
        sending = [
            peer.send_all(stream, promised) for peer in hostile for stream in await streams_of(peer, VALIDATE)
        ]
        await asyncio.gather(*sending)
        await is_served(server)
        assert resident_bytes(server, "VmHWM") - before < 160 << 20


@pytest.mark.slow
async def test_many_callers_with_the_largest_message_fit_into_a_container(tmp_path: Path) -> None:
    """None of them takes an answer, so that what was let in stays."""
    config = Config(tmp_path, issuers=[LOCAL])
    keys = [config.caller(f"c{number}", ["validate"]) for number in range(64)]
    request = framed(ValidateTokensRequest(tokens=["x" * 1048] * 1000).SerializeToString())
    async with serving(config.write(), config.data, tmp_path / "log") as server, AsyncExitStack() as stack:
        streams = []
        for key in keys:
            peer = await stack.enter_async_context(http2_peer(server.grpc, window_bytes=0))
            metadata = ("authorization", f"Bearer {key}")
            theirs = [await peer.open(f"{SERVICE}/ValidateTokens", metadata) for _ in range(3)]
            for stream in theirs:
                await peer.send_all(stream, request)
                await peer.send(stream, b"", end=True)
            await peer.until(lambda theirs=theirs: all(one.headers for one in theirs), seconds=TIMEOUT)
            streams += theirs
        outcomes = Counter(told(stream) for stream in streams)
        assert outcomes == {(None, False): 16, OVERLOADED: len(streams) - 16}
        assert resident_bytes(server, "VmHWM") < CONTAINER_BYTES


async def test_a_caller_that_takes_no_answers_keeps_no_other_out(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    hostile, other = (config.caller(name, ["read"]) for name in ("hostile", "other"))
    request = ListSessionsRequest(subject={"issuer": LOCAL["issuer"], "subject": "a"}).SerializeToString()
    path = f"{SERVICE}/ListSessions"
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        http2_peer(server.grpc, window_bytes=0) as deaf,
        http2_peer(server.grpc) as peer,
    ):
        streams = await streams_of(deaf, path, ("authorization", f"Bearer {hostile}"))
        for stream in streams:
            await deaf.send(stream, framed(request), end=True)
        await deaf.until(lambda: all(stream.headers for stream in streams))
        assert OVERLOADED in {told(stream) for stream in streams}
        assert (await peer.call(path, request, ("authorization", f"Bearer {other}"))).status == 0


async def test_health_keeps_nothing_of_what_a_stranger_sends(server: Server) -> None:
    before = resident_bytes(server)
    large = framed(b"\x0a" + varint(1 << 20) + bytes(1 << 20))
    async with AsyncExitStack() as stack:
        for peer in await peers(stack, server, 10):
            for path in (CHECK, WATCH):
                streams = [await peer.open(path) for _ in range(6)]
                for stream in streams:
                    await peer.send_all(stream, large)
                await peer.until(lambda streams=streams: all(one.headers for one in streams))
        await is_served(server)
        assert resident_bytes(server) - before < 48 << 20


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14])


async def test_watches_of_health_are_few_and_the_others_are_healthy(server: Server) -> None:
    async with http2_peer(server.grpc) as peer, http2_peer(server.grpc) as other:
        watches = [await watch(peer) for _ in range(3)]
        await peer.until(lambda: watches[2].over)
        assert [stream.over for stream in watches] == [False, False, True]
        assert watches[2].status == grpc.StatusCode.UNIMPLEMENTED.value[0]
        assert not (await watch(other)).over
        await peer.reset(watches[0])
        assert (await peer.call(CHECK, b"")).status == 0
        assert not (await watch(peer)).over


async def watch(peer: Http2Peer) -> Stream:
    """A watch that has been told, or refused."""
    stream = await peer.open(WATCH)
    await peer.send(stream, framed(b""), end=True)
    await peer.until(lambda: stream.data or stream.over)
    return stream


async def test_a_peer_that_does_not_read_has_few_checks_of_health(server: Server) -> None:
    async with http2_peer(server.grpc, window_bytes=0) as deaf:
        checks = [await deaf.open(CHECK) for _ in range(STREAMS_OF_A_CONNECTION)]
        for stream in checks:
            await deaf.send(stream, framed(b""), end=True)
        await deaf.until(lambda: sum(stream.over for stream in checks) == STREAMS_OF_A_CONNECTION - 4)
        await is_served(server)


@pytest.mark.parametrize("request_bytes", [b"\xff", b"\x0a\x01x"], ids=["no message", "no service"])
async def test_a_check_of_what_is_not_there_is_told_so(server: Server, request_bytes: bytes) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.call(CHECK, request_bytes)
    code = grpc.StatusCode.INVALID_ARGUMENT if request_bytes == b"\xff" else grpc.StatusCode.NOT_FOUND
    assert stream.status == code.value[0]


async def test_a_watch_of_what_is_not_there_is_told_so_and_goes_on(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="x"))
        assert (await call.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def test_reflections_are_few(server: Server) -> None:
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    async with AsyncExitStack() as stack:
        first, second = await peers(stack, server, 2)
        streams = await streams_of(first, path)
        for stream in streams:
            await first.send(stream, framed(LIST_SERVICES))
        await first.until(lambda: all(stream.data for stream in streams))
        refused = await second.open(path)
        await second.until(lambda: refused.over)
        assert told(refused) == OVERLOADED


@pytest.mark.parametrize(
    "in_flight",
    [1200, *(pytest.param(count, marks=pytest.mark.long) for count in (2000, 8000))],
    ids=lambda count: f"{count} in flight",
)
async def test_revocations_and_health_get_through(server: Server, in_flight: int) -> None:
    async with AsyncExitStack() as stack:
        beside, *loaded = await channels(stack, server, 1 + in_flight // STREAMS_OF_A_CONNECTION)
        async with AsyncClient(server.grpc) as client:
            victims = [(await client.create_local_session(f"u{n}")).session.session_id for n in range(10)]
        validating: Sequence[Awaitable[Any]] = [
            SessionServiceStub(channel).ValidateToken(ValidateTokenRequest(token="a.b.c"), timeout=TIMEOUT)
            for channel in loaded
            for _ in range(STREAMS_OF_A_CONNECTION)
        ]
        revoking = [
            SessionServiceStub(beside).RevokeSession(RevokeSessionRequest(session_id=one), timeout=TIMEOUT)
            for one in victims
        ]
        checking = health_pb2_grpc.HealthStub(beside).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
        assert Counter(await asyncio.gather(*map(outcome, [*revoking, checking]))) == {"OK": 11}
        outcomes = Counter(await asyncio.gather(*map(outcome, validating)))
    assert set(outcomes) <= {"OK", "OVERLOADED"}


async def channels(stack: AsyncExitStack, server: Server, count: int) -> list[grpc.aio.Channel]:
    """Channels with a connection each."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    return [
        await stack.enter_async_context(grpc.aio.insecure_channel(server.grpc, options=options))
        for _ in range(count)
    ]


async def outcome(call: Awaitable[Any]) -> str:
    """OK, or the reason where it was said when to come back, or the code."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
        details = read_details(trailers.get("grpc-status-details-bin", b""))
        return details.reason if details.retry_after else error.code().name
    return "OK"
