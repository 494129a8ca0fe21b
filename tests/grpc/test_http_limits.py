"""What strangers can do to the HTTP port: it is limited, counted, and nothing of it is written down."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.address import Address
from sessiond_server.service.telemetry import Expose, Exposition
from sessiond_server.transport.http.connections import MAX_CONNECTIONS
from sessiond_server.transport.http.server import HttpServer
from tests.support.fakes import RecordingLogger, RecordingTelemetry
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LONG = 60.0
LARGE = 32 << 20
SECRET = b"sesame-of-a-stranger"
MALFORMED = [
    b"GET /" + SECRET + b" and more HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET + b"\x00\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nAuthorization: Bearer " + SECRET + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + SECRET * 450 + b"\r\n\r\n",
    b"GET /?" + SECRET * 450 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01" + SECRET + b"\r\n\r\n",
]


@dataclass
class Port:
    """A port in this process, and what it said."""

    address: Address
    telemetry: RecordingTelemetry = field(default_factory=RecordingTelemetry)
    logger: RecordingLogger = field(default_factory=RecordingLogger)

    @property
    def refused(self) -> list[str]:
        return [cause for (cause,) in self.telemetry.of("http_refused")]

    async def ask(self, request: bytes) -> bytes:
        """Everything that is answered until the port closes the connection."""
        reader, writer = await self.open(request)
        answer = await reader.read()
        writer.close()
        return answer

    async def open(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.address.host, self.address.port)
        writer.write(sent)
        return reader, writer


def show_nothing() -> bytes:
    return b""


def exposing(metrics: Callable[[], bytes]) -> Expose:
    """Shows them in one form, whatever is accepted."""

    async def expose(*, accept: str, accept_encoding: str) -> Exposition:  # noqa: ARG001 - the port has them
        return Exposition(metrics(), {})

    return expose


@asynccontextmanager
async def listening(
    *, seconds: float = LONG, metrics: Callable[[], bytes] = show_nothing, reasons: list[str] | None = None
) -> AsyncIterator[Port]:
    port = Port(Address("127.0.0.1", 0))
    server = HttpServer(
        port.address,
        local=None,
        not_ready_reasons=lambda: reasons or [],
        remarks=list,
        expose=exposing(metrics),
        telemetry=port.telemetry,
        logger=port.logger,
        max_seconds=seconds,
    )
    port.address = await server.start()
    try:
        yield port
    finally:
        await server.stop()


def get(path: str, *, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get("/healthz"), b"200"),
        (get("/healthz", method="HEAD"), b"200"),
        (get("/nowhere"), b"404"),
        (get("/healthz", method="POST"), b"405"),
        (get("/readyz"), b"503"),
        (MALFORMED[0], b"400"),
        (b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"200"),
    ],
)
async def test_an_answer_does_not_say_what_made_it_and_ends_the_connection(
    request_bytes: bytes, status: bytes
) -> None:
    async with listening(reasons=["of its own"]) as port:
        head = (await port.ask(request_bytes)).partition(b"\r\n\r\n")[0].lower()
    assert head.split()[1] == status
    assert b"\r\nconnection: close" in head
    assert b"\r\nserver:" not in head
    assert b"keep-alive" not in head


async def test_a_connection_has_one_request() -> None:
    async with listening() as port:
        assert (await port.ask(get("/healthz") * 3)).count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("request_bytes", MALFORMED)
async def test_what_is_malformed_gets_a_bare_400_and_is_counted_and_nowhere_written(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening() as port:
        head, _, body = (await port.ask(request_bytes)).partition(b"\r\n\r\n")
        assert (head.split()[:4], body) == ([b"HTTP/1.0", b"400", b"Bad", b"Request"], b"")
        assert port.refused == ["MALFORMED"]
    assert (port.logger.lines, [one for one in caplog.records if one.name != "asyncio"]) == ([], [])
    assert capfd.readouterr() == ("", "")


async def test_a_body_that_is_not_what_it_says_is_counted_and_nowhere_written() -> None:
    head = b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    async with listening() as port:
        assert (await port.ask(head % len(SECRET) + SECRET)).startswith(b"HTTP/1.1 405 ")
        assert (port.refused, port.logger.lines) == (["MALFORMED"], [])


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHo", get("/healthz")[:-4]])
async def test_a_connection_that_goes_on_too_long_is_cut(sent: bytes) -> None:
    async with listening(seconds=0.05) as port:
        assert await port.ask(sent) == b""
        assert port.refused == ["SLOW"]


async def test_a_connection_whose_answer_is_not_read_is_cut() -> None:
    async with listening(seconds=0.2, metrics=lambda: bytes(LARGE)) as port:
        reader, writer = await port.open(get("/metrics"))
        await eventually(lambda: port.refused == ["SLOW"])
        with suppress(ConnectionError):
            assert len(await reader.read()) < LARGE
        writer.close()


async def test_more_than_a_header_is_not_taken() -> None:
    async with listening() as port:
        reader, writer = await port.open(
            b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, SECRET * 100) for n in range(9))
        )
        with suppress(ConnectionError):
            assert await reader.read() == b""
        await eventually(lambda: port.refused == ["LARGE"])
        writer.close()


async def test_where_there_is_one_connection_too_many_the_oldest_is_closed_and_a_probe_gets_through() -> None:
    async with listening() as port:
        first, *others = [await port.open(b"GET /healthz HT") for _ in range(MAX_CONNECTIONS)]
        assert (await port.ask(get("/healthz"))).startswith(b"HTTP/1.1 200")
        assert await first[0].read() == b""
        assert port.refused == ["FULL"]
        assert not any(reader.at_eof() for reader, _ in others)
        for _, writer in (first, *others):
            writer.close()


async def test_a_connection_that_has_ended_leaves_its_place() -> None:
    async with listening() as port:
        for _ in range(MAX_CONNECTIONS + 1):
            assert (await port.ask(get("/healthz"))).endswith(b"ok\n")
        assert port.refused == []


async def test_a_page_that_fails_is_told_by_its_kind_alone() -> None:
    def break_down() -> bytes:
        raise LookupError(SECRET.decode())

    async with listening(metrics=break_down) as port:
        head, _, body = (await port.ask(get("/metrics"))).partition(b"\r\n\r\n")
    assert (head.split()[1], body) == (b"500", b"")
    assert port.logger.lines == [("error", "a request over HTTP failed", {"failure": "LookupError"})]
