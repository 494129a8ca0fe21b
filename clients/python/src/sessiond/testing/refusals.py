"""Errors as the server tells them: a status with one ErrorInfo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc

from sessiond.middleware.status_details import TRAILER, with_error_info

REFRESH_REFUSALS: Final = {
    "REFRESH_TOKEN_INVALID": "this is not a refresh token that sessiond gave out: log in again",
    "REFRESH_TOKEN_SUPERSEDED": (
        "a newer refresh token was given out for this one: use that; the session lives"
    ),
    "REFRESH_TOKEN_REUSED": (
        "the refresh token had been used before, so its session has been ended: log in again"
    ),
    "SESSION_REVOKED": "the session has been ended: log in again",
    "SESSION_IDLE_TIMEOUT": "the session was not used for too long: log in again",
    "SESSION_LIFETIME_EXCEEDED": "the session has reached its longest life: log in again",
    "BINDING_MISMATCH": (
        "the session is bound to a key whose possession was not proven: bring a new proof; the session lives"
    ),
}


class RefusedError(Exception):
    """A call is refused."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, message: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        details = with_error_info(code, message, reason, metadata or {}) if reason else b""
        self.trailers: Final = ((TRAILER, details),) if reason else ()


def field_invalid(field: str, found: str, allowed: str) -> RefusedError:
    """For a field with a value that is not allowed."""
    metadata = {"field": field, "found": found, "allowed": allowed}
    text = f"{field}: found {found}, allowed is {allowed}"
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", text, metadata)


def unsupported(field: str) -> RefusedError:
    """For what the fake does not carry out."""
    text = f"{field}: this fake does not carry it out"
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, "FEATURE_UNSUPPORTED", text, {"field": field})


def refresh_refused(reason: str) -> RefusedError:
    """For a refresh token that opens nothing."""
    return RefusedError(grpc.StatusCode.UNAUTHENTICATED, reason, REFRESH_REFUSALS[reason])


def session_not_found() -> RefusedError:
    """For an id of no live session."""
    return RefusedError(grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", "no live session has this id")


def not_a_session_id(field: str) -> RefusedError:
    """For what CreateSession has never given out."""
    allowed = "sds_ and 22 base64url characters, as CreateSession gave it out"
    return field_invalid(field, "what is no session id", allowed)


def nobody_there() -> RefusedError:
    """What gRPC says by itself where it does not get to a server."""
    return RefusedError(grpc.StatusCode.UNAVAILABLE, "", "nobody is there")
