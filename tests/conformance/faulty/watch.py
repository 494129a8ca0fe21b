"""A log of revocations that is none, and the streams that follow it as a case wants them followed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.conformance.faulty import wire
from tests.conformance.faulty.wire import JsonObject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.faulty.connection import Call, Exchange

_METHOD = "WatchRevocations"
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
    outbox: asyncio.Queue[tuple[float, bytes]] = field(default_factory=asyncio.Queue)


class Watch:
    """Answers `WatchRevocations`: it begins, tells of revocations and of how fresh it is, and can be held.

    `options` are those of a case; without any the server does not carry the watch out.
    """

    def __init__(self, options: JsonObject | None) -> None:
        self._refusals: list[JsonObject] = list((options or {}).get("refusals", []))
        self._is_carried_out = options is not None
        self._options = _DEFAULTS | (options or {})
        self._log: list[JsonObject] = []
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
        revocation = {
            "type": f"REVOCATION_TYPE_{kind.upper()}",
            "hashed_id": base64.b64encode(hashed_id(kind, issuer, identifier)).decode(),
            "expire_time": "2999-01-01T00:00:00Z",
        }
        for _ in range(times):
            self._log.append({"revocation": revocation | {"revision": f"r{len(self._log) + 1}"}})
            self.tell(self._log[-1])

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
            self._send(stream, event)

    def _since(self, revision: str) -> Sequence[JsonObject]:
        if not revision:
            return []
        known = [f"r{number}" for number in range(len(self._log) + 1)]
        return self._log[known.index(revision) :] if revision in known else [{"reset": self._place()}]

    def _place(self) -> JsonObject:
        return {"revision": f"r{len(self._log)}", "configuration": self._options["configuration"]}

    async def _serve(self, stream: _Stream) -> None:
        beating = asyncio.get_running_loop().create_task(self._beat(stream))
        try:
            while stream in self._streams:
                due, message = await stream.outbox.get()
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                await self._flowing.wait()
                if stream in self._streams:
                    await stream.to.message(message)
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
        stream.outbox.put_nowait((due, message))
