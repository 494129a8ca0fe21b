"""A raw HTTP/2 peer of the gRPC port, for what no gRPC library lets a client do."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from h2 import events
from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from sessiond_server.domain.address import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_READ_BYTES = 1 << 16
# A graceful GOAWAY ends no stream that is under way; h2 would refuse every frame after it.
_OPEN_AFTER_GOAWAY = {
    (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.CLIENT_OPEN)
}


def framed(message: bytes, *, length: int | None = None, compressed: bool = False) -> bytes:
    """A gRPC message with its prefix, which may promise another `length` than there is."""
    return struct.pack(">BI", compressed, len(message) if length is None else length) + message


@dataclass(eq=False)
class Stream:
    """What came back on one stream."""

    id: int
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """Whether the server has ended its half."""
    reset: int | None = None
    """The code of the server's RST_STREAM."""

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def status(self) -> int | None:
        """gRPC's status; None where none has come."""
        text = self.trailers.get("grpc-status") or self.headers.get("grpc-status")
        return None if text is None else int(text)

    @property
    def details(self) -> str | None:
        return self.trailers.get("grpc-message") or self.headers.get("grpc-message")


class Http2Peer:
    """One connection; it answers the server's settings and pings, and reads whatever comes.

    What is sent keeps within the server's flow-control windows.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Mapping[SettingCodes, int]
    ) -> None:
        self._reader, self._writer = reader, writer
        self._connection = H2Connection(
            H2Configuration(
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                header_encoding="utf-8",
            )
        )
        machine = self._connection.state_machine
        machine._transitions = machine._transitions | _OPEN_AFTER_GOAWAY
        self._connection.local_settings = Settings(client=True, initial_values=dict(settings))
        self._changed = asyncio.Event()
        self.streams: dict[int, Stream] = {}
        self.has_settings = False
        """Whether the server has said what it takes."""
        self.goaway: int | None = None
        """The code of the server's last GOAWAY."""
        self.closed = False
        """Whether the server has closed the connection, or cannot be understood any more."""

    async def open(
        self,
        path: str,
        *metadata: tuple[str, str],
        method: str = "POST",
        content_type: str = "application/grpc",
    ) -> Stream:
        """Begin a call by its headers alone."""
        stream = Stream(self._connection.get_next_available_stream_id())
        headers = [
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", content_type),
        ]
        self._connection.send_headers(stream.id, [*headers, *metadata])
        self.streams[stream.id] = stream
        await self._flush()
        return stream

    async def send(self, stream: Stream, data: bytes, *, end: bool = False) -> int:
        """Send as much of `data` as the windows allow now, and how much that was; `end` ends our half."""
        sent = 0
        while not stream.over and sent < len(data):
            allowed = min(
                self._connection.local_flow_control_window(stream.id),
                self._connection.max_outbound_frame_size,
                len(data) - sent,
            )
            if allowed <= 0:
                break
            self._connection.send_data(stream.id, data[sent : sent + allowed])
            sent += allowed
        if end and not stream.over and sent == len(data):
            self._connection.end_stream(stream.id)
        await self._flush()
        return sent

    async def call(self, path: str, message: bytes, *metadata: tuple[str, str]) -> Stream:
        """Make a whole call, and return its stream when it is over."""
        stream = await self.open(path, *metadata)
        await self.send_all(stream, framed(message))
        await self.send(stream, b"", end=True)
        await self.until(lambda: stream.over)
        return stream

    async def send_all(self, stream: Stream, data: bytes) -> None:
        """Send all of `data`, as the windows allow, or as much as it takes until the stream is over."""
        while data and not stream.over:
            data = data[await self.send(stream, data) :]
            if data:
                await self.until(lambda: stream.over or self.window(stream) > 0)

    async def reset(self, stream: Stream) -> None:
        """Leave a call, as a cancelled one does."""
        if not stream.over:
            self._connection.reset_stream(stream.id, error_code=8)
        await self._flush()

    async def take(self, stream: Stream, size: int) -> None:
        """Let the server send `size` bytes more on a stream."""
        self._connection.increment_flow_control_window(size, stream.id)
        await self._flush()

    async def until(self, predicate: Callable[[], object], *, seconds: float = 10) -> None:
        """Wait until `predicate` holds; an AssertionError after `seconds`, or where nothing can come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not predicate() and not self.closed:
                    self._changed.clear()
                    await self._changed.wait()
        assert predicate(), f"not within {seconds} s; closed: {self.closed}, GOAWAY: {self.goaway}"

    async def read(self) -> None:
        """Take in whatever the server sends, until it closes the connection."""
        try:
            while data := await self._reader.read(_READ_BYTES):
                for event in self._connection.receive_data(data):
                    self._apply(event)
                await self._flush()
                self._changed.set()
        except (ConnectionError, ProtocolError):
            pass
        self.closed = True
        self._changed.set()

    async def begin(self) -> None:
        self._connection.initiate_connection()
        await self._flush()

    def window(self, stream: Stream) -> int:
        """How much the server takes on a stream now."""
        return self._connection.local_flow_control_window(stream.id)

    async def _flush(self) -> None:
        with suppress(ConnectionError):
            self._writer.write(self._connection.data_to_send())
            await self._writer.drain()

    def _apply(self, event: events.Event) -> None:
        match event:
            case events.ConnectionTerminated():
                self.goaway = int(event.error_code or 0)
            case events.RemoteSettingsChanged():
                self.has_settings = True
            case events.ResponseReceived():
                self.streams[event.stream_id].headers.update(event.headers)
            case events.TrailersReceived():
                self.streams[event.stream_id].trailers.update(event.headers)
            case events.DataReceived():
                self.streams[event.stream_id].data += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case events.StreamEnded():
                self.streams[event.stream_id].ended = True
            case events.StreamReset():
                self.streams[event.stream_id].reset = int(event.error_code)


@asynccontextmanager
async def http2_peer(address: str, *, window_bytes: int = 65_535) -> AsyncIterator[Http2Peer]:
    """A connection to `HOST:PORT` or `unix:PATH`, in plaintext, on which the settings have been exchanged.

    `window_bytes` is how much the server may send on a stream before more is asked for: with 0 this is a
    reader that never reads.
    """
    to = Address.parse(address)
    opening = asyncio.open_unix_connection(to.path) if to.path else asyncio.open_connection(to.host, to.port)
    reader, writer = await opening
    peer = Http2Peer(reader, writer, {SettingCodes.INITIAL_WINDOW_SIZE: window_bytes})
    reading = asyncio.create_task(peer.read())
    try:
        await peer.begin()
        await peer.until(lambda: peer.has_settings)
        yield peer
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
