"""The outermost wall of every handler: named failures become their status, everything else a bare INTERNAL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from sessiond_server.domain.failures import Failure
from sessiond_server.service.log import Log
from sessiond_server.transport.calls import Call, GuardedHandler, Handler, Reply, StreamHandler
from sessiond_server.transport.statuses import INTERNAL, to_status

GuardedStream = Callable[[bytes, Call], AsyncIterator[Reply]]


def guard(handler: Handler, *, log: Log) -> GuardedHandler:
    """Wrap `handler`: grpcio by itself would send the text of an exception, token included, to the client."""

    async def guarded(request: bytes, call: Call) -> Reply:
        try:
            return await handler(request, call)
        except Failure as failure:
            return to_status(failure)
        except Exception as error:  # noqa: BLE001 - the wall: whatever it is, its text stays here
            _report(log, call, error)
            return INTERNAL

    return guarded


def guard_stream(handler: StreamHandler, *, log: Log) -> GuardedStream:
    """The same for a server stream: the status, if any, is its last item."""

    async def guarded(request: bytes, call: Call) -> AsyncIterator[Reply]:
        try:
            async for message in handler(request, call):
                yield message
        except Failure as failure:
            yield to_status(failure)
        except Exception as error:  # noqa: BLE001 - the wall: whatever it is, its text stays here
            _report(log, call, error)
            yield INTERNAL

    return guarded


def _report(log: Log, call: Call, error: Exception) -> None:
    """Log where it happened, and neither the exception's text nor a local variable: both may hold what the request held."""
    frames = []
    traceback = error.__traceback__
    while traceback:
        frames.append(f"{traceback.tb_frame.f_code.co_qualname}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    log.error("a call failed for an unforeseen reason", method=call.method, failure=type(error).__name__, frames=frames)
