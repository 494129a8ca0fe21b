"""A scripted sessiond on a real gRPC server: it accepts what it is not told to refuse, streams as told."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
    add_SessionServiceServicer_to_server,
)
from tests.support.waiting import eventually
from tests.support.watch_model.servers import span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from google.protobuf.message import Message

Event = session_service_pb2.WatchRevocationsResponse
Verdict = session_service_pb2.ValidateTokenResponse
# So long that nothing goes stale by itself while a test runs.
MAX_STALENESS = 600.0
CONFIGURATION = "c1"
ISSUER = "https://id.example"


def accepted(token: str, **fields: Any) -> Verdict:
    """As a server accepts: kept with a watch for a minute, without one not at all."""
    session = session_pb2.Session(
        issuer=ISSUER,
        subject=f"sub {token}",
        session_id=f"sds {token}",
        provider_session_id=f"sid {token}",
        token_id=f"jti {token}",
        tenant_id=f"org {token}",
        client_id=f"app {token}",
        key_id=f"kid {token}",
    )
    given = {"configuration": CONFIGURATION, "watched_cache_for": span(60), "revision_age": span(0), **fields}
    return Verdict(session=session, **given)


def revoked() -> Verdict:
    return Verdict(rejection=session_pb2.Rejection(reason=session_pb2.Rejection.REASON_REVOKED))


@dataclass(eq=False)
class WatchStream:
    """One stream as the server has it."""

    from_revision: str
    since: float = field(default_factory=time.monotonic)
    queue: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)

    def send(self, event: Event | None) -> None:
        """None ends it."""
        self.queue.put_nowait(event)

    def beat(self, revision: str = "", age: float = 0.0) -> None:
        since = span(time.monotonic() - self.since)
        self.send(Event(freshness=session_pb2.Freshness(revision=revision, age=span(age), since_start=since)))


class ScriptedSessiond(SessionServiceServicer):  # type: ignore[misc]
    """`calls` has the method and the tokens of each call; `gate` holds calls back while it is shut."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.answers: dict[str, Verdict] = {}
        self.keys: list[str] = []
        self.revocation = session_service_pb2.RevokeSessionResponse(sessions_ended=1)
        self.batch_error: tuple[grpc.StatusCode, tuple[tuple[str, bytes], ...]] | None = None
        self.watch_error: grpc.StatusCode | None = None
        self.streams: list[WatchStream] = []
        self.open_streams = 0
        self.beats = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.target = ""

    def send(self, event: Message | None = None, **fields: Any) -> None:
        """An event to the newest stream."""
        self.streams[-1].send(Event(**fields) if fields else event)  # type: ignore[arg-type]

    async def watched(self, number: int = 1) -> WatchStream:
        """The newest stream, once there were so many."""
        await eventually(lambda: len(self.streams) >= number)
        return self.streams[-1]

    async def called(self, number: int) -> None:
        """Once there were so many calls."""
        await eventually(lambda: len(self.calls) >= number)

    @property
    def tokens(self) -> list[str]:
        """All that were asked about, one call after the other."""
        return [token for _, tokens in self.calls for token in tokens]

    async def ValidateToken(  # noqa: N802
        self, request: session_service_pb2.ValidateTokenRequest, context: grpc.aio.ServicerContext
    ) -> Verdict:
        self._note("ValidateToken", context, request.token)
        await self.gate.wait()
        answer = self.answers.get(request.token) or accepted(request.token)
        return accepted(request.token) if answer.WhichOneof("verdict") == "undecided" else answer

    async def ValidateTokens(  # noqa: N802
        self, request: session_service_pb2.ValidateTokensRequest, context: grpc.aio.ServicerContext
    ) -> session_service_pb2.ValidateTokensResponse:
        self._note("ValidateTokens", context, *request.tokens)
        await self.gate.wait()
        if self.batch_error is not None:
            code, trailers = self.batch_error
            await context.abort(code, "", trailing_metadata=trailers)
        results = [self.answers.get(token) or accepted(token) for token in request.tokens]
        return session_service_pb2.ValidateTokensResponse(results=results)

    async def RevokeSession(  # noqa: N802
        self, _: session_service_pb2.RevokeSessionRequest, __: grpc.aio.ServicerContext
    ) -> session_service_pb2.RevokeSessionResponse:
        return self.revocation

    async def WatchRevocations(  # noqa: N802
        self, request: session_service_pb2.WatchRevocationsRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Event]:
        stream = WatchStream(request.from_revision)
        self.streams.append(stream)
        if self.watch_error is not None:
            await context.abort(self.watch_error, "")
        self.open_streams += 1
        try:
            yield Event(
                started=session_service_pb2.Started(
                    revision=request.from_revision or "r0",
                    max_staleness=span(MAX_STALENESS),
                    configuration=CONFIGURATION,
                )
            )
            if self.beats:
                stream.beat()
            while (event := await stream.queue.get()) is not None:
                yield event
        finally:
            self.open_streams -= 1

    def _note(self, method: str, context: grpc.aio.ServicerContext, *tokens: str) -> None:
        self.calls.append((method, tokens))
        self.keys.append(str(dict(context.invocation_metadata() or ()).get("authorization", "")))


@asynccontextmanager
async def scripted_sessiond() -> AsyncIterator[ScriptedSessiond]:
    scripted, server = ScriptedSessiond(), grpc.aio.server()
    add_SessionServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    scripted.target = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield scripted
    finally:
        scripted.gate.set()
        await server.stop(None)
