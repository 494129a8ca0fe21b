"""Whoever can reach the agent: what strangers hold is bounded, and everybody else is served."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, Rejection
from sessiond.v1.session_service_pb2 import ValidateTokensRequest
from sessiond_server.app.descriptors import raise_descriptor_limit
from tests.support import agent as agents
from tests.support import hostile
from tests.support.agent import running_agent
from tests.support.certificates import Authority
from tests.support.fakes import SilentLogger
from tests.support.hostile import END_HEADERS, END_STREAM, call_headers, frame, raw_peer, resident_bytes
from tests.support.http2 import framed, http2_peer
from tests.support.server import running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.agent import Agent
    from tests.support.http2 import Http2Peer, Stream

pytestmark = [
    pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"),
]

everywhere = pytest.mark.parametrize(
    "agent", ["port", pytest.param("socket", marks=pytest.mark.long)], indirect=True
)

SERVICE = "/sessiond.v1.SessionService"
VALIDATE, VALIDATE_ALL = f"{SERVICE}/ValidateToken", f"{SERVICE}/ValidateTokens"
HEALTH = "/grpc.health.v1.Health"
STREAMS = 100
SILENT = 32 + 64
MAX_REQUEST_BYTES = 1280 << 10
MIB = 1 << 20
UNAVAILABLE, UNIMPLEMENTED = grpc.StatusCode.UNAVAILABLE.value[0], grpc.StatusCode.UNIMPLEMENTED.value[0]
TIMEOUT = 30
# So many callers are served while a flood goes on.
ENOUGH = 20


@pytest.fixture
async def agent(request: pytest.FixtureRequest, tmp_path: Path, agent_binary: Path) -> AsyncIterator[Agent]:
    """One for each test, in front of a server, which anyone local may call."""
    is_socket = getattr(request, "param", "port") == "socket"
    listen = f"unix:{tmp_path}/private/agent.sock" if is_socket else "127.0.0.1:0"
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(
            agent_binary,
            tmp_path / "agent.log",
            server.grpc,
            *("--drain-grace", "1s", "--reflection"),
            listen=listen,
        ) as agent,
    ):
        await agent.follows()
        yield agent


@asynccontextmanager
async def under_attack(agent: Agent, *, growth: int) -> AsyncIterator[list[None]]:
    """While the block runs, callers are served, and the agent grows by no more bytes; then it stops at once.

    The list has an entry for each caller that has been served since.
    """
    await is_served(agent)
    before, over, served = resident_bytes(agent.process.pid), asyncio.Event(), list[None]()
    serving = asyncio.create_task(serve_until(agent, over, served))
    try:
        yield served
        await eventually(lambda: served or serving.done(), timeout=TIMEOUT)
    finally:
        over.set()
        await serving
    await is_served(agent)
    grown = resident_bytes(agent.process.pid, "VmHWM") - before
    assert grown < growth, f"{grown >> 20} MiB more"
    assert len(agent.lines()) < 12, "a line for each of them"
    assert await asyncio.wait_for(agent.stop(), 10) == 0


async def serve_until(agent: Agent, over: asyncio.Event, served: list[None]) -> None:
    """Call without pause until it is over."""
    while not over.is_set():
        await is_served(agent)
        served.append(None)


async def is_served(agent: Agent) -> None:
    """A caller and a health check are answered, on new connections of their own."""
    async with AsyncClient(agent.grpc, timeout=TIMEOUT) as client, http2_peer(agent.grpc) as peer:
        assert isinstance(await client.validate("a.b.c"), Rejection)
        health = await peer.call(f"{HEALTH}/Check", b"")
    assert (health.status, bytes(health.data[5:])) == (0, b"\x08\x01")


async def peers(stack: AsyncExitStack, agent: Agent, count: int, *, window: int = 65_535) -> list[Http2Peer]:
    return [
        await stack.enter_async_context(http2_peer(agent.grpc, window_bytes=window)) for _ in range(count)
    ]


async def refused(agent: Agent, reason: str) -> float:
    return await agent.metric(f'sessiond_agent_refused_total{{reason="{reason}"}}')


async def has_few_silent(agent: Agent) -> bool:
    return await agent.metric("sessiond_calls_without_message") <= 32


@everywhere
@pytest.mark.parametrize(
    "path",
    [
        VALIDATE,
        f"{SERVICE}/WatchRevocations",
        f"{SERVICE}/NewerThanTheAgent",
        f"{HEALTH}/Check",
    ],
)
@pytest.mark.slow
async def test_silent_streams_are_few_and_the_others_are_sent_away(agent: Agent, path: str) -> None:
    async with AsyncExitStack() as stack, under_attack(agent, growth=48 * MIB):
        silent = [await peer.open(path) for peer in await peers(stack, agent, 10) for _ in range(STREAMS)]
        await eventually(lambda: sum(one.over for one in silent) >= len(silent) - SILENT, timeout=TIMEOUT)
        # Of those that are left most have little time.
        await eventually(lambda: sum(one.over for one in silent) >= len(silent) - 32, timeout=TIMEOUT)
        over = {
            (one.status, "grpc-retry-pushback-ms" in one.trailers | one.headers) for one in silent if one.over
        }
        assert over == {(UNAVAILABLE, True)}
        # Calls that bring their message are among them for an instant.
        await eventually(lambda: has_few_silent(agent), timeout=TIMEOUT)
        assert await refused(agent, "no_message") >= len(silent) - 32


@everywhere
@pytest.mark.slow
async def test_a_message_that_comes_byte_by_byte_has_to_come_in_time(agent: Agent) -> None:
    async with AsyncExitStack() as stack, under_attack(agent, growth=48 * MIB):
        slow = [
            (peer, await peer.open(VALIDATE)) for peer in await peers(stack, agent, 2) for _ in range(STREAMS)
        ]
        whole, sent = framed(bytes(MAX_REQUEST_BYTES)), 0
        async with asyncio.timeout(TIMEOUT):
            while sum(stream.over for _, stream in slow) < len(slow) - 32:
                for peer, stream in slow:
                    await peer.send(stream, whole[sent : sent + 1])
                sent += 1
                await asyncio.sleep(0.05)


@everywhere
@pytest.mark.slow
async def test_messages_that_do_not_end_hold_no_more_than_the_silent_may(agent: Agent) -> None:
    promised = framed(bytes(MAX_REQUEST_BYTES - 8), length=MAX_REQUEST_BYTES)
    async with AsyncExitStack() as stack, under_attack(agent, growth=160 * MIB):
        streams = [
            (peer, await peer.open(VALIDATE)) for peer in await peers(stack, agent, 4) for _ in range(STREAMS)
        ]
        await asyncio.gather(*(peer.send_all(stream, promised) for peer, stream in streams))


async def test_what_comes_behind_a_message_ends_the_call(agent: Agent) -> None:
    """Nobody would read it: it would stay for as long as the call."""
    async with http2_peer(agent.grpc, window_bytes=0) as peer, under_attack(agent, growth=48 * MIB):
        for _ in range(STREAMS):
            stream = await peer.open(VALIDATE)
            await peer.send_all(stream, framed(b"") + framed(bytes(40_000)))
            await peer.until(lambda stream=stream: stream.over)
            assert stream.status == grpc.StatusCode.INTERNAL.value[0]


LIES = [
    # What is announced, what comes, and whether the call's half ends then.
    ("more than comes", framed(b"\x0a\x01a", length=500), True, grpc.StatusCode.INTERNAL),
    ("less than comes", framed(b"\x0a\x01a") + b"\0\0", True, grpc.StatusCode.OK),
    ("4 GiB", framed(b"", length=0xFFFFFFFF), False, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ("too much", framed(b"", length=MAX_REQUEST_BYTES + 1), False, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ("compressed by nothing", framed(b"x", compressed=True), True, grpc.StatusCode.INTERNAL),
    ("nothing", b"", True, grpc.StatusCode.INTERNAL),
]


async def test_a_lie_about_a_length_ends_the_call_alone(agent: Agent) -> None:
    async with http2_peer(agent.grpc) as peer, under_attack(agent, growth=48 * MIB):
        for _ in range(30):
            for lie, data, end, expected in LIES:
                stream = await peer.open(VALIDATE)
                await peer.send(stream, data, end=end)
                await peer.until(lambda stream=stream: stream.over)
                assert (lie, stream.status) == (lie, expected.value[0])


async def test_what_becomes_too_long_when_it_is_unpacked_is_refused(agent: Agent) -> None:
    packed = gzip.compress(bytes(256 * MIB // 4))
    async with http2_peer(agent.grpc) as peer, under_attack(agent, growth=96 * MIB):
        for _ in range(20):
            stream = await peer.open(VALIDATE, ("grpc-encoding", "gzip"))
            await peer.send_all(stream, framed(packed, compressed=True))
            await peer.send(stream, b"", end=True)
            await peer.until(lambda stream=stream: stream.over)
            assert stream.status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


@everywhere
async def test_rapid_resets_cost_nobody_anything(agent: Agent) -> None:
    async with AsyncExitStack() as stack, under_attack(agent, growth=48 * MIB) as served:
        while len(served) < ENOUGH:
            raw = await stack.enter_async_context(raw_peer(agent.grpc))
            for first in range(1, 10_000, 200):
                await raw.send(
                    *(
                        frame(
                            hostile.HEADERS, END_HEADERS, number, raw.encoder.encode(call_headers(VALIDATE))
                        )
                        + frame(hostile.RESET, 0, number, hostile.CANCEL)
                        for number in range(first, first + 200, 2)
                    )
                )
                await asyncio.sleep(0)


@everywhere
async def test_headers_without_end_are_cut_off(agent: Agent) -> None:
    async with AsyncExitStack() as stack, under_attack(agent, growth=48 * MIB) as served:
        while len(served) < ENOUGH:
            raw = await stack.enter_async_context(raw_peer(agent.grpc))
            await raw.send(frame(hostile.HEADERS, 0, 1, raw.encoder.encode(call_headers(VALIDATE))))
            filler = frame(hostile.CONTINUATION, 0, 1, raw.encoder.encode([("x-filler", "v" * 8000)]) * 2)
            for _ in range(4000):
                await raw.send(filler)
                await asyncio.sleep(0)
                if raw.closed:
                    break
            assert raw.closed


async def test_headers_that_unpack_to_a_lot_are_refused(agent: Agent) -> None:
    """One entry of the dynamic table, named 4,000 times: 16 MB of headers in 4 KB (RFC 7541)."""
    async with under_attack(agent, growth=48 * MIB) as served:
        while len(served) < ENOUGH:
            async with raw_peer(agent.grpc) as raw:
                entry = raw.encoder.encode([*call_headers(VALIDATE), ("x-bomb", "v" * 4000)])
                await raw.send(frame(hostile.HEADERS, END_HEADERS | END_STREAM, 1, entry))
                bomb = raw.encoder.encode(call_headers(VALIDATE)) + b"\xbe" * 4000
                for number in range(3, 400, 2):
                    await raw.send(frame(hostile.HEADERS, END_HEADERS | END_STREAM, number, bomb))
                    await asyncio.sleep(0)


@pytest.mark.parametrize("kind", [hostile.PING, hostile.SETTINGS], ids=["pings", "settings"])
async def test_a_flood_of_frames_that_want_answers_is_not_kept(agent: Agent, kind: int) -> None:
    """The peer does not read them, so that the agent cannot send them."""
    one = frame(kind, 0, 0, bytes(8) if kind == hostile.PING else b"")
    async with raw_peer(agent.grpc) as raw, under_attack(agent, growth=48 * MIB) as served:
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.create_task(raw.send(*[one * 1000] * 2000))
        await eventually(lambda: len(served) >= ENOUGH, timeout=TIMEOUT)
        sending.cancel()


@pytest.mark.long
async def test_answers_that_nobody_takes_are_few_and_their_connections_end(agent: Agent) -> None:
    request = framed(ValidateTokensRequest(tokens=["x"] * 1000).SerializeToString())
    async with AsyncExitStack() as stack, under_attack(agent, growth=128 * MIB):
        deaf = await peers(stack, agent, 8, window=0)
        for peer in deaf:
            for _ in range(STREAMS):
                stream = await peer.open(VALIDATE_ALL)
                await peer.send_all(stream, request)
                await peer.send(stream, b"", end=True)
        # Those that were let in are ended with their connections, and the others were sent away.
        await eventually(lambda: all(peer.closed or is_over(peer) for peer in deaf), timeout=TIMEOUT)
        assert await refused(agent, "answers_not_taken") == sum(peer.closed for peer in deaf) > 0
        await eventually(lambda: holds_nothing(agent))


def is_over(peer: Http2Peer) -> bool:
    return all(stream.over for stream in peer.streams.values())


async def holds_nothing(agent: Agent) -> bool:
    return await agent.metric("sessiond_agent_held_bytes") == 0


async def test_health_is_watched_twice_a_connection(agent: Agent) -> None:
    async with http2_peer(agent.grpc) as peer, http2_peer(agent.grpc) as other:
        watches = [await watch(peer) for _ in range(3)]
        assert [stream.over for stream in watches] == [False, False, True]
        assert watches[2].status == UNIMPLEMENTED
        assert not (await watch(other)).over
        await peer.reset(watches[0])
        assert (await peer.call(f"{HEALTH}/Check", b"")).status == 0
        assert not (await watch(peer)).over


async def watch(peer: Http2Peer) -> Stream:
    stream = await peer.open(f"{HEALTH}/Watch")
    await peer.send(stream, framed(b""), end=True)
    await peer.until(lambda: stream.data or stream.over)
    return stream


@pytest.mark.slow
async def test_a_watch_of_health_does_not_keep_an_agent_from_stopping(
    tmp_path: Path, agent_binary: Path
) -> None:
    """It would go on for ever: only the end of the grace would end it."""
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(agent_binary, tmp_path / "agent.log", server.grpc, "--drain-grace", "5m") as agent,
        http2_peer(agent.grpc) as peer,
    ):
        watched = await watch(peer)
        stopping = asyncio.create_task(agent.stop())
        await peer.until(lambda: watched.over)
        assert watched.status == UNAVAILABLE
        assert await asyncio.wait_for(stopping, TIMEOUT) == 0


async def test_reflections_are_few(agent: Agent) -> None:
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    async with AsyncExitStack() as stack:
        first, second = await peers(stack, agent, 2)
        streams = []
        for _ in range(STREAMS):
            streams.append(await first.open(path))
            await first.send(streams[-1], framed(b"\x3a\x00"))
        await first.until(lambda: all(stream.data for stream in streams))
        last = await second.open(path)
        await second.until(lambda: last.over)
        assert last.status == UNAVAILABLE


@everywhere
@pytest.mark.slow
async def test_connections_alone_keep_nobody_out(agent: Agent) -> None:
    raise_descriptor_limit(store_nodes=1, logger=SilentLogger())
    async with AsyncExitStack() as stack, under_attack(agent, growth=160 * MIB):
        flood = [
            await stack.enter_async_context(raw_peer(agent.grpc, greets=bool(number % 2)))
            for number in range(1500)
        ]
        await eventually(lambda: sum(one.closed for one in flood) >= 500, timeout=TIMEOUT)
        assert await agent.metric("sessiond_agent_connections") <= 1000
        assert await refused(agent, "connections") >= 500


@pytest.mark.slow
async def test_half_of_a_handshake_keeps_nobody_out(tmp_path: Path, agent_binary: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue("localhost").write(tmp_path, "agent")
    arguments = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--max-connections", "50")
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(agent_binary, tmp_path / "agent.log", server.grpc, *arguments) as agent,
        AsyncExitStack() as stack,
    ):
        await agent.follows()
        half = [await stack.enter_async_context(raw_peer(agent.grpc, greets=False)) for _ in range(200)]
        for one in half:
            await one.send(b"\x16\x03\x01\x02\x00\x01\x00")
        context = ssl.create_default_context(cadata=authority.certificate.decode())
        context.set_alpn_protocols(["h2"])
        host, port = agent.grpc.split(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="localhost")
        writer.close()
        await eventually(lambda: all(one.closed for one in half), timeout=TIMEOUT)
        assert await agent.stop() == 0
