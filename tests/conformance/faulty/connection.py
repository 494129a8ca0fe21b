"""One HTTP/2 connection of the scripted server: calls come in, and whatever the script says goes out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from tests.conformance.faulty.wire import Headers, framed, seconds_of, unframed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_MAX_STREAMS = 1000
_OK = [(":status", "200"), ("content-type", "application/grpc")]


@dataclass(eq=False)
class Call:
    """A call that has come in whole."""

    method: str
    request: bytes
    headers: dict[str, str]
    connection: int
    """The number of its connection, counted from 0 at its server."""
    came_at: float
    answered_at: float | None = None
    left: bool = False
    """Whether the client has given it up."""

    @property
    def is_about_health(self) -> bool:
        """Whether it is for gRPC's own service for that."""
        return self.headers[":path"].startswith("/grpc.health.v1.Health/")

    @property
    def timeout(self) -> float | None:
        """How long the client waits, in seconds; None where it does not say."""
        return seconds_of(self.headers.get("grpc-timeout"))


@dataclass
class _Incoming:
    headers: dict[str, str]
    data: bytearray = field(default_factory=bytearray)


class Exchange:
    """Where the reply to one call goes."""

    def __init__(self, connection: Connection, stream: int) -> None:
        self._connection, self._stream = connection, stream
        self._has_headers = False

    async def message(self, message: bytes, *, promised: int | None = None) -> None:
        """Send a message, behind the headers where these have not been sent."""
        await self._send(framed(message, promised=promised))

    async def messages(self, messages: Sequence[bytes]) -> None:
        """Send several, in as few frames as they fit in."""
        await self._send(b"".join(map(framed, messages)))

    async def page(self, status: int, content_type: str, body: str) -> None:
        """Answer as what does not speak gRPC does."""
        self.headers([(":status", str(status)), ("content-type", content_type)])
        await self._connection.send(self._stream, body.encode())
        self._connection.end(self._stream)

    def headers(self, headers: Headers) -> None:
        """Send headers that more follows."""
        self._has_headers = True
        self._connection.send_headers(self._stream, headers, end=False)

    def end(self, trailers: Headers) -> None:
        """End the call; alone, trailers are the whole reply."""
        before = [] if self._has_headers else _OK
        self._connection.send_headers(self._stream, [*before, *trailers], end=True)

    def reset(self, code: str) -> None:
        """Break the stream off."""
        self._connection.reset(self._stream, ErrorCodes[code])

    def go_away(self, *, began: bool) -> None:
        """Say that no more calls are taken on this connection; `began` says whether this one was."""
        self._connection.go_away(self._stream if began else max(self._stream - 2, 0))

    def close(self) -> None:
        """Close the connection without a word."""
        self._connection.abort()

    async def _send(self, data: bytes) -> None:
        if not self._has_headers:
            self.headers(_OK)
        await self._connection.send(self._stream, data)


class Connection(asyncio.Protocol):
    """Reads calls, and hands each to `answer` in a task of its own."""

    def __init__(self, number: int, answer: Callable[[Call, Exchange], Awaitable[None]]) -> None:
        self.number = number
        self._answer = answer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._incoming: dict[int, _Incoming] = {}
        self._calls: dict[int, tuple[Call, asyncio.Task[None]]] = {}
        self._windows = asyncio.Event()
        self._transport: Any = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: _MAX_STREAMS})
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._apply(event)
        except ProtocolError:
            self.abort()
        self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set()
        for stream in list(self._calls):
            self._give_up(stream)

    @property
    def is_open(self) -> bool:
        """Whether it has been made, TLS and all, and is still there."""
        return self._transport is not None and not self.closed.is_set()

    def abort(self) -> None:
        """Close it at once, unread data or not."""
        self._transport.abort()

    async def send(self, stream: int, data: bytes) -> None:
        """Send `data` as the client's windows allow."""
        while data:
            allowed = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if allowed <= 0:
                self._windows.clear()
                await self._windows.wait()
                continue
            self._h2.send_data(stream, data[:allowed])
            data = data[allowed:]
            self._flush()

    def send_headers(self, stream: int, headers: Headers, *, end: bool) -> None:
        self._h2.send_headers(stream, headers, end_stream=end)
        self._flush()

    def end(self, stream: int) -> None:
        self._h2.end_stream(stream)
        self._flush()

    def reset(self, stream: int, code: ErrorCodes) -> None:
        self._h2.reset_stream(stream, error_code=code)
        self._flush()

    def go_away(self, last_stream: int) -> None:
        # h2 itself would send nothing more after its own GOAWAY.
        self._transport.write(GoAwayFrame(0, last_stream_id=last_stream, error_code=0).serialize())

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._transport.write(data)

    def _apply(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived():
                self._incoming[event.stream_id] = _Incoming(dict(event.headers))
            case events.DataReceived():
                self._incoming[event.stream_id].data += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case events.StreamEnded():
                self._begin(event.stream_id)
            case events.StreamReset():
                self._give_up(event.stream_id)
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                self._windows.set()

    def _begin(self, stream: int) -> None:
        incoming = self._incoming.pop(stream)
        method = incoming.headers[":path"].rpartition("/")[2]
        loop = asyncio.get_running_loop()
        request = unframed(bytes(incoming.data))
        call = Call(method, request, incoming.headers, self.number, loop.time())
        self._calls[stream] = call, loop.create_task(self._carry_out(call, stream))

    async def _carry_out(self, call: Call, stream: int) -> None:
        try:
            await self._answer(call, Exchange(self, stream))
        except StreamClosedError:
            call.left = True
        call.answered_at = asyncio.get_running_loop().time()
        self._calls.pop(stream, None)

    def _give_up(self, stream: int) -> None:
        self._incoming.pop(stream, None)
        if stream in self._calls:
            call, task = self._calls.pop(stream)
            call.left = True
            task.cancel()
