"""The words that calls are counted by: they are shown as 0 before there is anything to count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, get_args

from sessiond.v1.error_reason_pb2 import ErrorReason
from sessiond_server.domain.caller import UNKNOWN, Caller
from sessiond_server.domain.failures import CallerNotPermittedError
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.revocation.watch import Message
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.transport.engine.port import StatusCode
from sessiond_server.transport.methods import (
    ACCEPTED,
    SERVICE,
    UNDECIDED,
    WITH_VERDICTS,
    AnyMethod,
    StreamMethod,
)

_PREFIX: Final = "ERROR_REASON_"
_REASONS: Final = frozenset(name.removeprefix(_PREFIX) for name in ErrorReason.DESCRIPTOR.values_by_name) - {
    "UNSPECIFIED"
}
_OF_WATCHES: Final = frozenset({"WATCHERS_EXHAUSTED", "WATCH_FELL_BEHIND"})
# What no watch meets: it looks at no token, and changes nothing.
_OF_SESSIONS: Final = frozenset(
    {
        *("FEATURE_UNSUPPORTED", "REFRESH_TOKEN_INVALID", "REFRESH_TOKEN_SUPERSEDED", "REFRESH_TOKEN_REUSED"),
        *("SESSION_REVOKED", "SESSION_IDLE_TIMEOUT", "SESSION_LIFETIME_EXCEEDED", "BINDING_MISMATCH"),
        *("PROVIDER_REFUSED", "LOGIN_REFUSED", "SESSION_NOT_FOUND", "PROVIDER_UNAVAILABLE"),
        *("PEPPER_MISSING", "SEALING_KEY_MISSING", "RATE_LIMITED", "REVOCATION_LOG_FULL", "TIME_OVER"),
    }
)
_REFRESHED: Final = ("ROTATED", "ADOPTED", "REPLAYED", "CANCELLED")
_WATCHED: Final = ("OK", "CANCELLED")


def foresee_calls(telemetry: Telemetry, rows: Sequence[AnyMethod], callers: Iterable[Caller]) -> None:
    """Name the methods, and what may come of their calls.

    Of a caller only good calls of what it may call are foreseen: in every combination with every code the
    callers would have more series than all the rest.
    """
    telemetry.methods_served(
        SERVICE,
        {row.name: "server_stream" if isinstance(row, StreamMethod) else "unary" for row in rows},
    )
    refused = StatusCode.PERMISSION_DENIED.name
    telemetry.foresee("call_ended", ((row.name, refused, UNKNOWN) for row in rows))
    telemetry.foresee(
        "call_ended",
        (
            (row.name, StatusCode.OK.name, caller.name)
            for caller in callers
            for row in rows
            if _may_call(caller, row)
        ),
    )
    verdicts = (ACCEPTED, UNDECIDED, *(reason.name for reason in Reason))
    telemetry.foresee("verdicts_given", ((name, verdict) for name in WITH_VERDICTS for verdict in verdicts))
    refreshes = (*_REFRESHED, *sorted(_REASONS - _OF_WATCHES))
    telemetry.foresee("token_refreshed", ((outcome,) for outcome in refreshes))
    watches = (*_WATCHED, *sorted(_REASONS - _OF_SESSIONS))
    telemetry.foresee("watch_ended", ((outcome,) for outcome in watches))
    telemetry.foresee("watch_event_sent", ((kind.__name__,) for kind in get_args(Message)))


def _may_call(caller: Caller, row: AnyMethod) -> bool:
    try:
        row.rule.require_some(caller)
    except CallerNotPermittedError:
        return False
    return True
