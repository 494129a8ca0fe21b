"""The scripted server: where it listens, what it was asked, and what befalls its connections."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.faulty import wire
from tests.conformance.faulty.connection import Call, Connection, Exchange
from tests.conformance.faulty.replies import Script, give
from tests.conformance.faulty.watch import Watch
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from tests.conformance.faulty.wire import JsonObject

_SECONDS = 15


class FaultyServer:
    """Listens at a TCP port of 127.0.0.1, or at the Unix socket `path`."""

    def __init__(
        self,
        replies: Mapping[str, Sequence[JsonObject]],
        watch: JsonObject | None,
        *,
        path: Path | None = None,
        context: ssl.SSLContext | None = None,
        how: str = "serve",
    ) -> None:
        self.script = Script(replies)
        self.watch = Watch(watch)
        self.calls: list[Call] = []
        self.connected = 0
        """How many connections have been made to it."""
        self.context = context
        """That of its TLS, from its next start on."""
        self._path, self._how = path, how
        self._port = _ReservedPort()
        self._listening: asyncio.Server | None = None
        self._connections: list[Connection | _Deaf] = []
        self._counted: dict[str, Callable[[], int]] = {
            "calls": lambda: len(self.calls),
            "left": lambda: sum(call.left for call in self.calls),
            "connections": lambda: self.connected,
            "closed": lambda: sum(connection.closed.is_set() for connection in self._connections),
            "watches": lambda: len(self.watch.requests),
        }

    @property
    def target(self) -> str:
        """What a client is told to call."""
        return f"unix:{self._path}" if self._path else f"127.0.0.1:{self._port.number}"

    async def start(self) -> None:
        """Listen, at the same place as before."""
        loop = asyncio.get_running_loop()
        if self._path:
            self._listening = await loop.create_unix_server(self._accept, self._path, ssl=self.context)
        else:
            self._listening = await loop.create_server(
                self._accept, "127.0.0.1", self._port.number, ssl=self.context, reuse_port=True
            )

    async def stop(self) -> None:
        """Be gone as after a crash: nobody listens, and every connection is closed."""
        if self._listening:
            self._listening.close()
            self._listening = None
            if self._path:
                self._path.unlink(missing_ok=True)
        await self.drop()

    async def end(self) -> None:
        """Stop for good."""
        await self.stop()
        self._port.release()

    async def drop(self) -> None:
        """Close every connection without a word."""
        closing = [connection for connection in self._connections if connection.is_open]
        for connection in closing:
            connection.abort()
        for connection in closing:
            await connection.closed.wait()

    async def until(self, what: str, count: int) -> None:
        """Wait until there have been `count` of something in all: calls, calls that were left, and so on."""
        counted = self._counted[what]
        try:
            await eventually(lambda: counted() >= count, timeout=_SECONDS)
        except AssertionError:
            raise AssertionError(
                f"expected {count} of {what} within {_SECONDS} s, found {counted()}"
            ) from None

    async def until_waiting(self, gate: str) -> None:
        """Wait until a call has come to a gate."""
        await eventually(lambda: gate in self.script.waiting, timeout=_SECONDS)

    def _accept(self) -> asyncio.BaseProtocol:
        connection: Connection | _Deaf = _Deaf(closes=self._how == "close")
        if self._how == "serve":
            connection = Connection(self.connected, self._answer)
        self.connected += 1
        self._connections.append(connection)
        return connection

    async def _answer(self, call: Call, to: Exchange) -> None:
        if call.is_about_health:
            # No case is about it: it is a server that does not tell.
            to.end(wire.status_headers({"status": "UNIMPLEMENTED"}))
            return
        if call.method == "WatchRevocations":
            await self.watch.follow(call, to)
            return
        self.calls.append(call)
        await give(self.script.next(call.method), call, to, self.script)


class _Deaf(asyncio.Protocol):
    """Takes a connection, and closes it or never says a word."""

    def __init__(self, *, closes: bool) -> None:
        self._closes = closes
        self._transport: Any = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self._closes:
            self.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self.closed.is_set()

    def abort(self) -> None:
        self._transport.abort()


class _ReservedPort:
    """A port of 127.0.0.1 that nobody else gets, also while nobody listens there."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Let others have it."""
        self._socket.close()


def seen(calls: Sequence[Call]) -> list[JsonObject]:
    """Calls as cases speak of them."""
    return [_seen(index, calls) for index in range(len(calls))]


def _seen(index: int, calls: Sequence[Call]) -> JsonObject:
    call, earlier = calls[index], calls[:index]
    before = earlier[-1] if earlier else None
    same = (
        at for at, other in enumerate(earlier) if (other.method, other.request) == (call.method, call.request)
    )
    waited = call.came_at - before.answered_at if before and before.answered_at is not None else None
    return {
        "method": call.method,
        "request": wire.request_of(call.method, call.request),
        "timeout": call.timeout,
        "authorization": call.headers.get("authorization"),
        "connection": call.connection,
        "left": call.left,
        "waited": waited,
        "repeats": next(same, None),
    }


def summary(calls: Sequence[Call]) -> JsonObject:
    """Calls counted: in all, by method, and how often each token was asked about."""
    methods: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for call in calls:
        methods[call.method] = methods.get(call.method, 0) + 1
        request = wire.request_of(call.method, call.request)
        for token in request.get("tokens", [request["token"]] if "token" in request else []):
            tokens[token] = tokens.get(token, 0) + 1
    return {"total": len(calls), "methods": methods, "tokens": tokens}
