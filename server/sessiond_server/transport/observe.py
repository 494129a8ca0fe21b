"""One log line and one count a call."""

from __future__ import annotations

import time

from sessiond_server.service.log import Log
from sessiond_server.transport.calls import Call, GuardedHandler, Reply, Status
from sessiond_server.transport.metrics import Metrics


def observe(handler: GuardedHandler, *, metrics: Metrics, log: Log) -> GuardedHandler:
    """Wrap a guarded handler so that every call is counted and logged once, cancelled ones too."""

    async def observed(request: bytes, call: Call) -> Reply:
        started = time.perf_counter()
        code, reason = "CANCELLED", None
        try:
            reply = await handler(request, call)
            code, reason = (reply.code.name, reply.reason) if isinstance(reply, Status) else ("OK", None)
            return reply
        finally:
            seconds = time.perf_counter() - started
            _count(metrics, call, code=code, reason=reason, seconds=seconds)
            fields = {"reason": reason} if reason else {}
            log.info(
                "call", method=call.method, code=code, caller=call.caller, ms=round(seconds * 1000, 2), **fields, **call.notes
            )

    return observed


def _count(metrics: Metrics, call: Call, *, code: str, reason: str | None, seconds: float) -> None:
    metrics.observe_call(call.method, code, seconds)
    if "verdict" in call.notes:
        metrics.observe_verdict(call.notes["verdict"])
    if call.method == "RefreshSession":
        metrics.observe_refresh(call.notes.get("outcome") or reason or code)
