"""What the client gives back, as results of the suite."""

from __future__ import annotations

import traceback
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import grpc

from sessiond import (
    Actor,
    Device,
    InternalError,
    InvalidArgumentError,
    LoginRefusedError,
    NotFoundError,
    PermissionDeniedError,
    RefreshRefusedError,
    Rejection,
    RevocationResult,
    Session,
    SessiondError,
    SessionRecord,
    Tokens,
    UnavailableError,
    Undecided,
    UnsupportedError,
)

JsonObject = dict[str, Any]

_KINDS: dict[type[SessiondError], str] = {
    RefreshRefusedError: "refresh_refused",
    InvalidArgumentError: "invalid_argument",
    LoginRefusedError: "login_refused",
    NotFoundError: "not_found",
    PermissionDeniedError: "permission_denied",
    UnavailableError: "unavailable",
    UnsupportedError: "unsupported",
    InternalError: "internal",
    SessiondError: "other",
}
_RESULTS: dict[type[Any], str] = {
    Session: "session",
    Rejection: "rejection",
    Undecided: "undecided",
    Tokens: "tokens",
    RevocationResult: "revocation",
    SessionRecord: "record",
}


def outcome(value: Any, *, reads_claims: bool = False) -> JsonObject:
    """The result of a command that gave `value`."""
    if value is None:
        return {"done": True}
    shown = f"{value} {value!r}"
    if isinstance(value, list):
        if value and isinstance(value[0], SessionRecord):
            return {"records": [plain(record) for record in value], "shown": shown}
        return {"verdicts": [_tagged(verdict) for verdict in value], "shown": shown}
    result = _tagged(value) | {"shown": shown}
    if reads_claims:
        result["session"]["claims"] = _claims(value)
    return result


def failure(error: Exception) -> JsonObject:
    """The result of a command that raised."""
    shown = f"{error!r} {''.join(traceback.format_exception(error))}"
    if not isinstance(error, SessiondError):
        return {"error": {"kind": "usage", "text": str(error)}, "shown": shown}
    retry_after = error.retry_after
    told: JsonObject = {
        "kind": _KINDS[type(error)],
        "code": error.code.name if isinstance(error.code, grpc.StatusCode) else str(error.code),
        "reason": error.reason,
        "metadata": dict(error.metadata),
        "retry_after": None if retry_after is None else retry_after.total_seconds(),
        "text": str(error),
    }
    if isinstance(error, RefreshRefusedError):
        told["session_lives"] = error.session_lives
    return {"error": told, "shown": shown}


def plain(value: Any) -> Any:
    """A value of the client as JSON: times are seconds since 1970, spans are seconds."""
    match value:
        case datetime():
            return value.timestamp()
        case timedelta():
            return value.total_seconds()
        case Session() | Rejection() | Undecided() | Tokens() | RevocationResult() | SessionRecord():
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        case Actor() | Device():
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        case tuple():
            return [plain(item) for item in value]
    return value


def _tagged(value: Any) -> JsonObject:
    return {_RESULTS[type(value)]: plain(value)}


def _claims(session: Session) -> Any:
    try:
        return session.claims
    except ValueError:
        return "unreadable"
