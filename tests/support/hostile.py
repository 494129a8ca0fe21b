"""Frames of HTTP/2 (RFC 9113) as no library sends them, and what a process is like under them."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpack import Encoder

from sessiond_server.domain.address import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0x0, 0x1, 0x3, 0x4, 0x6, 0x9
END_STREAM, END_HEADERS = 0x1, 0x4
CANCEL = struct.pack(">I", 8)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call_headers(path: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]


@dataclass(eq=False)
class Raw:
    """A connection on which anything may be sent; what comes is thrown away."""

    writer: asyncio.StreamWriter
    encoder: Encoder
    reading: asyncio.Task[None]

    @property
    def closed(self) -> bool:
        """Whether the other side has closed it."""
        return self.reading.done()

    async def send(self, *frames: bytes) -> None:
        """Send them, if there is somebody who takes them."""
        with suppress(ConnectionError):
            self.writer.write(b"".join(frames))
            await self.writer.drain()


@asynccontextmanager
async def raw_peer(address: str, *, greets: bool = True) -> AsyncIterator[Raw]:
    """A connection to `HOST:PORT` or `unix:PATH`; where it `greets`, its preface has been sent."""
    to = Address.parse(address)
    opening = asyncio.open_unix_connection(to.path) if to.path else asyncio.open_connection(to.host, to.port)
    reader, writer = await opening
    raw = Raw(writer, Encoder(), asyncio.create_task(_discard(reader)))
    try:
        if greets:
            await raw.send(_PREFACE, frame(SETTINGS, 0, 0))
        yield raw
    finally:
        raw.reading.cancel()
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()


async def _discard(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass


def resident_bytes(pid: int, field: str = "VmRSS") -> int:
    """The memory that a process uses; with `VmHWM` the most that it has used: proc(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) << 10
