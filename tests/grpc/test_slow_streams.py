"""A peer that does not take what a stream sends it: it holds little, and loses the stream."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond.v1.session_service_pb2 import GetSessionRequest
from sessiond_server.domain.address import Address
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.engine import calls
from sessiond_server.transport.engine.grpcio import GrpcioEngine
from sessiond_server.transport.engine.port import Call, Endpoints
from tests.support.fakes import RecordingLogger, RecordingTelemetry, SilentTelemetry
from tests.support.http2 import framed, http2_peer
from tests.support.methods import pipeline, stream
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

METHOD = "/Test/WatchRevocations"
MESSAGE = b"m" * 100
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


@dataclass
class Streaming:
    """A server with one stream, which says something again and again."""

    address: str = ""
    made: int = 0
    closed: int = 0
    limits: Limits = field(default_factory=Limits)
    telemetry: RecordingTelemetry = field(default_factory=RecordingTelemetry)
    logger: RecordingLogger = field(default_factory=RecordingLogger)

    async def handle(self, _request: Any, _call: Call) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                self.made += 1
                yield MESSAGE
                await asyncio.sleep(0)
        finally:
            self.closed += 1

    @property
    def reasons(self) -> list[Any]:
        return [line.get("reason") for line in self.logger.said("call")]


@asynccontextmanager
async def streaming(streaming: Streaming) -> AsyncIterator[Streaming]:
    through = pipeline(limits=streaming.limits, telemetry=streaming.telemetry, logger=streaming.logger)
    endpoints = Endpoints(
        "Test",
        unary={},
        streams={"WatchRevocations": stream(streaming.handle, through=through)},
        refuse=lambda *_: None,
        shed=through.shed,
    )
    engine = GrpcioEngine(
        Address("127.0.0.1", 0),
        endpoints,
        is_serving=lambda: False,
        with_reflection=False,
        telemetry=SilentTelemetry(),
    )
    streaming.address = str(await engine.start())
    yield streaming
    await engine.stop(grace_seconds=0)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_TAKEN_WITHIN_SECONDS", 0.1)


async def test_who_takes_nothing_is_made_nothing_more() -> None:
    async with streaming(Streaming()) as server, http2_peer(server.address, window_bytes=0) as peer:
        watch = await peer.open(METHOD)
        await peer.send(watch, framed(b""), end=True)
        await eventually(lambda: server.closed)
        assert server.made <= 2
        assert (watch.data, watch.over) == (b"", False)
        await eventually(lambda: server.reasons == ["WATCH_FELL_BEHIND"])
        ((_, code, *_),) = server.telemetry.of("call_ended")
        assert code == "RESOURCE_EXHAUSTED"


async def test_a_window_is_all_that_is_sent_to_who_stops_reading() -> None:
    async with streaming(Streaming()) as server, http2_peer(server.address, window_bytes=1000) as peer:
        watch = await peer.open(METHOD)
        # h2 gives back what has been read, unless it is not told of it.
        peer._connection.acknowledge_received_data = lambda *_: None  # type: ignore[method-assign]
        await peer.send(watch, framed(b""), end=True)
        await eventually(lambda: server.closed)
        assert server.made <= 1000 // len(MESSAGE) + 2


async def test_it_is_told_when_it_reads_again() -> None:
    async with streaming(Streaming()) as server, http2_peer(server.address, window_bytes=0) as peer:
        watch = await peer.open(METHOD)
        await peer.send(watch, framed(b""), end=True)
        await eventually(lambda: server.closed)
        await peer.take(watch, 10_000)
        await peer.until(lambda: watch.over)
        assert watch.status == EXHAUSTED
        assert watch.details is not None
        assert "last revision" in watch.details


async def test_it_keeps_its_place_until_it_is_gone() -> None:
    """What a stream holds in grpcio is held for as long as its connection, so that it must go on to count."""
    server = Streaming()
    async with streaming(server):
        async with http2_peer(server.address, window_bytes=0) as peer:
            watch = await peer.open(METHOD)
            request = GetSessionRequest(session_id="s").SerializeToString()
            await peer.send(watch, framed(request), end=True)
            await eventually(lambda: server.closed)
            assert server.limits.bytes.total == len(request)
        await eventually(lambda: server.limits.bytes.total == 0)


async def test_who_reads_slowly_and_steadily_keeps_its_stream() -> None:
    async with streaming(Streaming()) as server, http2_peer(server.address, window_bytes=0) as peer:
        watch = await peer.open(METHOD)
        await peer.send(watch, framed(b""), end=True)
        for _ in range(20):
            taken = len(watch.data)
            await peer.take(watch, len(framed(MESSAGE)))
            await peer.until(lambda before=taken: len(watch.data) > before)
        assert not watch.over
        assert server.closed == 0
