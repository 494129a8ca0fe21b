"""A log of revocations that is none, and the streams that follow it as a case wants them followed."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessiond.v1.session_pb2 import RevocationType
from sessiond.v1.session_service_pb2 import WatchRevocationsResponse
from tests.conformance.faulty import wire
from tests.conformance.faulty.wire import JsonObject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.faulty.connection import Call, Exchange

_METHOD = "WatchRevocations"
# In 2999, in seconds since 1970.
_FAR_AHEAD = 32_472_144_000
_DEFAULTS: JsonObject = {
    "max_staleness": 1.0,
    "every": 0.05,
    "age": 0.0,
    "delay": 0.0,
    "configuration": "configuration-1",
}


def hashed_id(kind: str, issuer: str, identifier: str) -> bytes:
    """As `RevocationType` of the schema says."""
    parts = [part.encode() for part in (kind, issuer, identifier)]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()[:16]


@dataclass(eq=False)
class _Stream:
    """One watcher: what it is still to be sent, each with the time from which on it may be."""

    to: Exchange
    opened_at: float
    outbox: deque[tuple[float, bytes]] = field(default_factory=deque)
    has_more: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, due: float, message: bytes) -> None:
        """Send a message from a time on."""
        self.outbox.append((due, message))
        self.has_more.set()

    async def take(self) -> Sequence[bytes]:
        """Whatever may be sent now, or as soon as there is anything."""
        loop = asyncio.get_running_loop()
        while not self.outbox:
            self.has_more.clear()
            await self.has_more.wait()
        await asyncio.sleep(max(0.0, self.outbox[0][0] - loop.time()))
        taken = [self.outbox.popleft()[1]]
        while self.outbox and self.outbox[0][0] <= loop.time():
            taken.append(self.outbox.popleft()[1])
        return taken


class Watch:
    """Answers `WatchRevocations`: it begins, tells of revocations and of how fresh it is, and can be held.

    `options` are those of a case; without any the server does not carry the watch out.
    """

    def __init__(self, options: JsonObject | None) -> None:
        self._refusals: list[JsonObject] = list((options or {}).get("refusals", []))
        self._is_carried_out = options is not None
        self._options = _DEFAULTS | (options or {})
        self._log: list[bytes] = []
        self._streams: list[_Stream] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.requests: list[JsonObject] = []
        """What each watcher asked for, refused ones too."""

    async def follow(self, call: Call, to: Exchange) -> None:
        """Serve one watcher until it leaves, or the stream is ended."""
        request = wire.request_of(_METHOD, call.request)
        self.requests.append(request)
        if not self._is_carried_out:
            to.end(wire.status_headers({"status": "UNIMPLEMENTED", "message": "no watch"}))
        elif self._refusals:
            to.end(wire.status_headers(self._refusals.pop(0)))
        else:
            stream = _Stream(to, call.came_at)
            self._begin(stream, request.get("from_revision", ""))
            await self._serve(stream)

    def revoke(self, kind: str, issuer: str, identifier: str, *, times: int = 1) -> None:
        """Put a revocation into the log, or as many as `times`, and tell every watcher of each."""
        for _ in range(times):
            event = WatchRevocationsResponse()
            event.revocation.type = RevocationType.Value(f"REVOCATION_TYPE_{kind.upper()}")
            event.revocation.hashed_id = hashed_id(kind, issuer, identifier)
            event.revocation.expire_time.FromSeconds(_FAR_AHEAD)
            event.revocation.revision = f"r{len(self._log) + 1}"
            self._log.append(event.SerializeToString())
            self.tell_bytes(self._log[-1])

    def reset(self) -> None:
        """Tell every watcher that what was is not known any more."""
        self.tell({"reset": self._place()})

    def set(self, options: JsonObject) -> None:
        """Change how streams are from now on."""
        self._options |= options

    def hold(self) -> None:
        """Keep back whatever there is to be sent, heartbeats too."""
        self._flowing.clear()

    def flow(self) -> None:
        """Send what was kept back, all at once."""
        self._flowing.set()

    def end(self, status: JsonObject) -> None:
        """End every stream."""
        for stream in self._streams:
            stream.to.end(wire.status_headers(status))
        self._streams.clear()

    def tell(self, event: JsonObject) -> None:
        """Send every watcher an event of the schema's JSON form."""
        self.tell_bytes(wire.answer_of(_METHOD, event))

    def tell_bytes(self, message: bytes) -> None:
        """Send every watcher these bytes as a message."""
        for stream in self._streams:
            self._put(stream, message)

    def _begin(self, stream: _Stream, from_revision: str) -> None:
        self._streams.append(stream)
        bound = {"max_staleness": f"{self._options['max_staleness']}s", "server": "faulty"}
        self._send(stream, {"started": self._place() | bound})
        for event in self._since(from_revision):
            self._put(stream, event)

    def _since(self, revision: str) -> Sequence[bytes]:
        if not revision:
            return []
        known = [f"r{number}" for number in range(len(self._log) + 1)]
        if revision not in known:
            return [wire.answer_of(_METHOD, {"reset": self._place()})]
        return self._log[known.index(revision) :]

    def _place(self) -> JsonObject:
        return {"revision": f"r{len(self._log)}", "configuration": self._options["configuration"]}

    async def _serve(self, stream: _Stream) -> None:
        beating = asyncio.get_running_loop().create_task(self._beat(stream))
        try:
            while stream in self._streams:
                messages = await stream.take()
                await self._flowing.wait()
                if stream in self._streams:
                    await stream.to.messages(messages)
        finally:
            beating.cancel()
            if stream in self._streams:
                self._streams.remove(stream)

    async def _beat(self, stream: _Stream) -> None:
        while True:
            since_start = asyncio.get_running_loop().time() - stream.opened_at
            freshness = {
                "revision": f"r{len(self._log)}",
                "age": f"{self._options['age']:.6f}s",
                "since_start": f"{since_start:.6f}s",
            }
            self._send(stream, {"freshness": freshness})
            await asyncio.sleep(self._options["every"])

    def _send(self, stream: _Stream, event: JsonObject) -> None:
        self._put(stream, wire.answer_of(_METHOD, event))

    def _put(self, stream: _Stream, message: bytes) -> None:
        due = asyncio.get_running_loop().time() + self._options["delay"]
        stream.put(due, message)
