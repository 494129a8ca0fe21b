"""Many watchers of revocations, which read so cheaply that the server is what is measured.

Frames of HTTP/2 (RFC 9113) are told apart and counted; of a message only its kind is looked at.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

from hpack import Encoder
from typing_extensions import override

from bench.wire import FRAME_BYTES, SERVICE, framed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STREAMS_A_CONNECTION: Final = 100
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD_BYTES: Final = 9
_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x6, 0x8
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4
_INITIAL_WINDOW_SIZE: Final = 0x4
_MOST: Final = 2**31 - 1
_USUAL_WINDOW: Final = 65_535
# `WatchRevocationsResponse.revocation` is field 2, length-delimited.
_REVOCATION: Final = 0x12


@dataclass
class Watchers:
    """What all of them have been sent; `arrivals` are the moments at which they got revocations."""

    messages: int = 0
    arrivals: list[float] = field(default_factory=list)
    ended: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, payload: bytes) -> None:
        """Count a message; each is in a frame of its own, as the server writes it."""
        self.messages += 1
        if len(payload) > FRAME_BYTES and payload[FRAME_BYTES] == _REVOCATION:
            self.arrivals.append(perf_counter())
        self._news.set()

    async def until_messages(self, count: int) -> None:
        """Wait for so many messages in all."""
        while self.messages < count:
            self._news.clear()
            await self._news.wait()

    async def until_arrivals(self, count: int) -> None:
        """Wait for so many revocations in all."""
        while len(self.arrivals) < count:
            self._news.clear()
            await self._news.wait()


class _Connection(asyncio.Protocol):
    def __init__(self, watchers: Watchers, streams: int) -> None:
        self._watchers = watchers
        self._streams = streams
        self._received = bytearray()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _MOST)
        window = struct.pack(">I", _MOST - _USUAL_WINDOW)
        opening = [_PREFACE, _frame(_SETTINGS, 0, 0, settings), _frame(_WINDOW_UPDATE, 0, 0, window)]
        encoder = Encoder()
        for number in range(1, 2 * self._streams, 2):
            headers = encoder.encode(
                [
                    (":method", "POST"),
                    (":scheme", "http"),
                    (":path", f"/{SERVICE}/WatchRevocations"),
                    (":authority", "localhost"),
                    ("te", "trailers"),
                    ("content-type", "application/grpc"),
                ]
            )
            opening += [
                _frame(_HEADERS, _END_HEADERS, number, headers),
                _frame(_DATA, _END_STREAM, number, framed(b"")),
            ]
        self._transport.write(b"".join(opening))

    @override
    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        at = 0
        while len(received) - at >= _HEAD_BYTES:
            size = int.from_bytes(received[at : at + 3], "big")
            end = at + _HEAD_BYTES + size
            if len(received) < end:
                break
            self._take(received[at + 3], received[at + 4], bytes(received[at + _HEAD_BYTES : end]))
            at = end
        del received[:at]

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == _DATA:
            self._watchers.take(payload)
        elif kind in {_SETTINGS, _PING} and not flags & _ACK:
            self._transport.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _HEADERS and flags & _END_STREAM:
            self._watchers.ended += 1


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


@asynccontextmanager
async def watchers(address: str, count: int) -> AsyncIterator[Watchers]:
    """So many watchers, once each of them has been told that its stream has begun, and how fresh it is."""
    host, _, port = address.rpartition(":")
    found, loop, transports = Watchers(), asyncio.get_running_loop(), []
    try:
        for first in range(0, count, STREAMS_A_CONNECTION):
            streams = min(STREAMS_A_CONNECTION, count - first)

            def connection(streams: int = streams) -> _Connection:
                return _Connection(found, streams)

            transport, _ = await loop.create_connection(connection, host, int(port))
            transports.append(transport)
        await found.until_messages(2 * count)
        yield found
    finally:
        for transport in transports:
            transport.close()
