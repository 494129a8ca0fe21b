"""A watcher of revocations, as the schema has it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from sessiond.errors import read_details
from sessiond.v1.session_service_pb2 import WatchRevocationsRequest, WatchRevocationsResponse
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessiond.errors import Details


@dataclass
class Watcher:
    """A stream, with all that has come on it so far."""

    call: Any
    events: list[WatchRevocationsResponse] = field(default_factory=list)

    async def until(self, wanted: Callable[[Any], bool], *, seconds: float = 20) -> Any:
        """The first event from now on that is wanted; the part of it that is set."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self.call.read()
                assert event is not grpc.aio.EOF, await self.call.code()
                self.events.append(event)
                part = getattr(event, event.WhichOneof("event"))
                if wanted(part):
                    return part

    async def next(self, kind: str) -> Any:
        """The next event of this kind."""
        return await self.until(lambda _: self.events[-1].WhichOneof("event") == kind)

    async def revoked(self, hashed_id: bytes) -> Any:
        """The revocation of what has this hashed id."""
        return await self.until(lambda part: getattr(part, "hashed_id", b"") == hashed_id)

    def kinds(self) -> list[str | None]:
        return [event.WhichOneof("event") for event in self.events]

    async def ended(self) -> tuple[grpc.StatusCode, Details]:
        """How it ends, whatever comes before."""
        try:
            while (event := await self.call.read()) is not grpc.aio.EOF:
                self.events.append(event)
        except grpc.aio.AioRpcError:
            pass
        trailers: dict[str, Any] = dict(await self.call.trailing_metadata() or ())
        return await self.call.code(), read_details(trailers.get("grpc-status-details-bin", b""))


@asynccontextmanager
async def watching(channel: grpc.aio.Channel, revision: str = "", *, key: str = "") -> AsyncIterator[Watcher]:
    """A watcher that knows everything up to `revision`; with the key of a caller, if it has one."""
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    stub: Any = SessionServiceStub(channel)
    call = stub.WatchRevocations(WatchRevocationsRequest(from_revision=revision), metadata=metadata)
    try:
        yield Watcher(call)
    finally:
        call.cancel()
