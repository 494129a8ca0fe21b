"""One log line and one count a call."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from sessiond_server.service.log import Log
from sessiond_server.transport.calls import Call, GuardedHandler, Reply, Status
from sessiond_server.transport.guard import GuardedStream
from sessiond_server.transport.metrics import Metrics


def observe(handler: GuardedHandler, *, metrics: Metrics, log: Log) -> GuardedHandler:
    """Wrap a guarded handler so that every call is counted and logged once, cancelled ones too."""

    async def observed(request: bytes, call: Call) -> Reply:
        with _observation(call, metrics=metrics, log=log) as note:
            reply = await handler(request, call)
            note(reply)
            return reply

    return observed


def observe_stream(handler: GuardedStream, *, metrics: Metrics, log: Log) -> GuardedStream:
    """The same for a server stream, counted and logged when it ends."""

    async def observed(request: bytes, call: Call) -> AsyncIterator[Reply]:
        with _observation(call, metrics=metrics, log=log) as note:
            async for reply in handler(request, call):
                note(reply)
                yield reply

    return observed


@contextmanager
def _observation(call: Call, *, metrics: Metrics, log: Log) -> Iterator[Callable[[Reply], None]]:
    """Observe what happens inside; what is yielded takes each reply, and what it has not been told of was cancelled."""
    started = time.perf_counter()
    code, reason = "CANCELLED", None

    def note(reply: Reply) -> None:
        nonlocal code, reason
        code, reason = (reply.code.name, reply.reason) if isinstance(reply, Status) else ("OK", None)

    try:
        yield note
    finally:
        seconds = time.perf_counter() - started
        _count(metrics, call, code=code, reason=reason, seconds=seconds)
        fields = {"reason": reason} if reason else {}
        log.info(
            "call", method=call.method, code=code, caller=call.caller.name, ms=round(seconds * 1000, 2), **fields, **call.notes
        )


def _count(metrics: Metrics, call: Call, *, code: str, reason: str | None, seconds: float) -> None:
    metrics.observe_call(call.method, code, call.caller.name, seconds)
    for verdict, count in call.notes.get("verdicts", {}).items():
        metrics.observe_verdicts(verdict, count)
    if call.method == "RefreshSession":
        metrics.observe_refresh(call.notes.get("outcome") or reason or code)
