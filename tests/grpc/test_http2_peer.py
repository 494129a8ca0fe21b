"""The raw HTTP/2 peer of other tests: what it says is what the server did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond.v1.session_service_pb2 import ValidateTokenRequest, ValidateTokenResponse
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.http2 import framed, http2_peer
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server

VALIDATE = "/sessiond.v1.SessionService/ValidateToken"
HEALTH = "/grpc.health.v1.Health/Check"
REQUEST = ValidateTokenRequest(token="a.b.c").SerializeToString()
# One that is larger than the windows of a connection are at first.
LARGE_REQUEST = ValidateTokenRequest(token="x" * 1_000_000).SerializeToString()
MAX_REQUEST_BYTES = 1280 << 10
MANY_BYTES = 16 << 20
SECOND = ("grpc-timeout", "1S")


@pytest.mark.parametrize("request_bytes", [REQUEST, LARGE_REQUEST], ids=["small", "large"])
async def test_a_whole_call_by_raw_frames_is_answered(server: Server, request_bytes: bytes) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.call(VALIDATE, request_bytes)
    assert (stream.status, stream.reset) == (0, None)
    response = ValidateTokenResponse.FromString(bytes(stream.data[5:]))
    assert response.WhichOneof("verdict") == "rejection"
    assert not peer.closed


async def test_a_call_over_a_unix_socket_is_answered(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    async with (
        running(tmp_path / "d", tmp_path / "log", listen=address) as server,
        http2_peer(server.grpc) as peer,
    ):
        assert (await peer.call(HEALTH, b"")).status == 0


async def test_a_silent_stream_tells_what_came_of_it(server: Server) -> None:
    async with http2_peer(server.grpc) as peer:
        silent = [await peer.open(VALIDATE) for _ in range(10)]
        timed = await peer.open(VALIDATE, SECOND)
        assert (await peer.call(HEALTH, b"")).status == 0
        assert [stream.over for stream in silent] == [False] * 10
        await peer.until(lambda: timed.over)
    assert timed.status in {1, 4} or timed.reset is not None


async def test_a_part_of_a_message_goes_as_far_as_the_windows_allow(server: Server) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.open(VALIDATE)
        promised = framed(bytes(MANY_BYTES), length=MAX_REQUEST_BYTES)
        sent = await peer.send(stream, promised)
        assert 0 < sent < len(promised)
        assert not stream.over
        await peer.reset(stream)
        assert (await peer.call(HEALTH, b"")).status == 0


async def test_a_reader_that_never_reads_gets_headers_and_no_message(server: Server) -> None:
    async with http2_peer(server.grpc, window_bytes=0) as peer:
        stream = await peer.open(VALIDATE)
        await peer.send(stream, framed(REQUEST), end=True)
        await peer.until(lambda: stream.headers)
        assert (bytes(stream.data), stream.over) == (b"", False)


async def test_a_server_that_stops_says_goaway_and_closes(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        http2_peer(server.grpc) as peer,
    ):
        assert (await peer.call(HEALTH, b"")).status == 0
        await server.stop()
        await peer.until(lambda: peer.closed)
        assert peer.goaway == 0


async def test_a_client_of_grpc_and_the_peer_see_the_same(server: Server, stub: SessionServiceStub) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.call(VALIDATE, REQUEST)
    response = await stub.ValidateToken(ValidateTokenRequest.FromString(REQUEST))
    assert ValidateTokenResponse.FromString(bytes(stream.data[5:])).rejection == response.rejection
