"""The statuses that gRPC makes by itself, as docs/grpc-statuses.md has them."""

from __future__ import annotations

import gzip
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from tests.support.http2 import framed, http2_peer
from tests.support.server import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.server import Server

VALIDATE = "/sessiond.v1.SessionService/ValidateToken"
REQUEST = ValidateTokenRequest(token="a.b.c").SerializeToString()
TOO_LARGE = ValidateTokenRequest(token="x" * (5 << 20)).SerializeToString()
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 8, 12, 13
RST_INTERNAL_ERROR = 2
GZIP = ("grpc-encoding", "gzip")


@asynccontextmanager
async def bare(code: grpc.StatusCode) -> AsyncIterator[None]:
    """A call fails with `code`, and no word of sessiond's."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        yield
    assert failed.value.code() is code
    assert not failed.value.trailing_metadata()


async def validate(
    target: str, request: bytes = REQUEST, *, path: str = VALIDATE, most_bytes: int = -1
) -> None:
    options = [("grpc.max_receive_message_length", most_bytes)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        await channel.unary_unary(path)(request, timeout=10)


async def test_message(server: Server) -> None:
    async with bare(grpc.StatusCode.RESOURCE_EXHAUSTED):
        await validate(server.grpc, TOO_LARGE)


async def test_answer(server: Server) -> None:
    async with bare(grpc.StatusCode.RESOURCE_EXHAUSTED):
        await validate(server.grpc, most_bytes=1)


@pytest.mark.parametrize("path", ["/sessiond.v1.SessionService/Nope", "/x.Y/Z"])
async def test_method(server: Server, path: str) -> None:
    async with bare(grpc.StatusCode.UNIMPLEMENTED):
        await validate(server.grpc, path=path)


@pytest.mark.parametrize("path", ["", "/", "nonsense", "//", "/a/b/c"])
async def test_method_of_a_path_that_is_none(server: Server, path: str) -> None:
    async with http2_peer(server.grpc) as peer:
        assert (await peer.call(path, REQUEST)).status == UNIMPLEMENTED


async def test_headers(server: Server) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.open(VALIDATE, ("x-large", "y" * 20_000))
        await peer.until(lambda: stream.over)
        assert stream.status == RESOURCE_EXHAUSTED
        assert (await peer.call(VALIDATE, REQUEST)).status == 0


@pytest.mark.parametrize(
    ("data", "metadata", "status"),
    [
        pytest.param(framed(b"garbage", compressed=True), GZIP, INTERNAL, id="compressed"),
        pytest.param(framed(REQUEST, compressed=True), None, INTERNAL, id="compressed-by-nothing"),
        pytest.param(framed(REQUEST), ("grpc-encoding", "br"), INTERNAL, id="compressed-by-another"),
        pytest.param(
            framed(gzip.compress(bytes(20 << 20)), compressed=True), GZIP, RESOURCE_EXHAUSTED, id="bomb"
        ),
        pytest.param(framed(REQUEST), ("grpc-timeout", "soon"), INTERNAL, id="timeout"),
        pytest.param(framed(gzip.compress(REQUEST), compressed=True), GZIP, 0, id="gzip-as-it-should-be"),
    ],
)
async def test_what_is_not_as_its_headers_say(
    server: Server, data: bytes, metadata: tuple[str, str] | None, status: int
) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.open(VALIDATE, *([metadata] if metadata else []))
        await peer.send(stream, data, end=True)
        await peer.until(lambda: stream.over)
    assert (stream.status, "grpc-status-details-bin" in stream.headers) == (status, False)


async def test_get(server: Server) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.open(VALIDATE, method="GET")
        await peer.until(lambda: stream.over)
    assert (stream.status, stream.reset) == (None, RST_INTERNAL_ERROR)


async def test_any_content_type_is_answered(server: Server) -> None:
    async with http2_peer(server.grpc) as peer:
        stream = await peer.open(VALIDATE, content_type="text/plain")
        await peer.send(stream, framed(REQUEST), end=True)
        await peer.until(lambda: stream.over)
    assert (stream.status, stream.headers[":status"]) == (0, "200")


async def test_frozen_killed_and_refused(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        await channel.channel_ready()
        os.kill(server.process.pid, signal.SIGSTOP)
        async with bare(grpc.StatusCode.DEADLINE_EXCEEDED):
            await channel.unary_unary(VALIDATE)(REQUEST, timeout=0.3)
        under_way = channel.unary_unary(VALIDATE)(REQUEST, timeout=10)
        await server.kill()
        async with bare(grpc.StatusCode.UNAVAILABLE):
            await under_way
        async with bare(grpc.StatusCode.UNAVAILABLE):
            await validate(server.grpc)
