"""What the service refuses, as exceptions by meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

_DOMAIN: Final = b"sessiond"
_TRAILER: Final = "grpc-status-details-bin"
# Field numbers of google.rpc.Status, ErrorInfo and RetryInfo.
_STATUS_DETAILS: Final = 3
_INFO_REASON: Final = 1
_INFO_DOMAIN: Final = 2
_INFO_METADATA: Final = 3
_RETRY_DELAY: Final = 1
_LENGTH_DELIMITED: Final = 2
# Of those that gRPC makes by itself, these are worth repeating a little later.
_PASSING: Final = frozenset({grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE})
_SESSION_LIVES: Final = frozenset({"REFRESH_TOKEN_SUPERSEDED", "BINDING_MISMATCH"})
_RETRY_AFTER: Final = timedelta(seconds=0.5)


class SessiondError(Exception):
    """A call that was refused or failed.

    `reason` is a name of `ErrorReason`; it is empty where the answer did not come from sessiond.
    """

    def __init__(self, code: grpc.StatusCode, message: str, details: Details) -> None:
        super().__init__(f"{code.name} {details.reason}: {message}")
        self.code = code
        self.message = message
        self.reason = details.reason
        self.metadata = details.metadata
        self.retry_after = details.retry_after

    def again(self) -> SessiondError:
        """The same for another caller: an exception that is raised twice carries both their stacks."""
        return type(self)(self.code, self.message, Details(self.reason, self.metadata, self.retry_after))


class RefreshRefusedError(SessiondError):
    """The refresh token opens nothing.

    Two of the reasons leave the session alive: REFRESH_TOKEN_SUPERSEDED and BINDING_MISMATCH.
    """

    @property
    def session_lives(self) -> bool:
        """Whether the session goes on: nobody has to log in again."""
        return self.reason in _SESSION_LIVES


class InvalidArgumentError(SessiondError):
    """A field has a value that is not allowed; `metadata` names it."""


class LoginRefusedError(SessiondError):
    """What the login produced does not open a session; `metadata["rejection"]` says why."""


class NotFoundError(SessiondError):
    """No live session has this id."""


class PermissionDeniedError(SessiondError):
    """This caller may not do this; it says nothing of the end user's tokens."""


class UnavailableError(SessiondError):
    """Nothing is decided: repeat the same call, after `retry_after` if it is set.

    A CANCELLED of the server is one too: gRPC makes it by itself where too many calls come at once. With it,
    and with an UNAVAILABLE that does not say when (gRPC's own, where no server can be reached), `retry_after`
    is half a second. It is None where waiting has no use: where the time of the call is over, and where a
    request was too large.
    """


class UnsupportedError(SessiondError):
    """The server does not carry this out."""


class InternalError(SessiondError):
    """A defect of the server."""


_BY_CODE: Final[Mapping[grpc.StatusCode, type[SessiondError]]] = {
    grpc.StatusCode.UNAUTHENTICATED: RefreshRefusedError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.FAILED_PRECONDITION: LoginRefusedError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.CANCELLED: UnavailableError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: UnavailableError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UnavailableError,
    grpc.StatusCode.UNIMPLEMENTED: UnsupportedError,
    grpc.StatusCode.INTERNAL: InternalError,
}


@dataclass(frozen=True, slots=True)
class Details:
    """What `google.rpc.Status` tells beyond code and message."""

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: timedelta | None = None


def to_error(error: Any, *, is_ours: bool = False) -> SessiondError:
    """The exception by the meaning of its status code; `error` is what either of gRPC's channels raises.

    `is_ours` says that this side has closed the channel under the call: its CANCELLED tells nothing of a
    server.
    """
    code, trailers = error.code(), dict(error.trailing_metadata() or ())
    raw = trailers.get(_TRAILER, b"")
    details = read_details(raw if isinstance(raw, bytes) else b"")
    if is_ours and code is grpc.StatusCode.CANCELLED:
        return SessiondError(code, error.details() or "", details)
    if code in _PASSING and details.retry_after is None:
        details = replace(details, retry_after=_RETRY_AFTER)
    if code is grpc.StatusCode.UNAUTHENTICATED and not details.reason:
        # A proxy's word is about the caller's own credentials: it logs nobody out.
        return SessiondError(code, error.details() or "", details)
    return _BY_CODE.get(code, SessiondError)(code, error.details() or "", details)


def require_readable(answer: Any) -> Any:
    """Raise `InternalError` for what grpc.aio gives in the place of an answer that is no message: None."""
    if answer is None:
        raise InternalError(grpc.StatusCode.INTERNAL, "the answer is no message of its type", Details())
    return answer


def time_over() -> UnavailableError:
    """The time of a call was over before there was an answer, or before it was even sent."""
    return UnavailableError(grpc.StatusCode.DEADLINE_EXCEEDED, "the time of the call is over", Details())


def rate_limited(retry_after: timedelta) -> UnavailableError:
    """What a call about one token fails with where rejected tokens are too many."""
    details = Details("RATE_LIMITED", {}, retry_after)
    return UnavailableError(grpc.StatusCode.RESOURCE_EXHAUSTED, "this was done too often", details)


def given_up() -> SessiondError:
    """This side has ended a call that others waited for."""
    return SessiondError(grpc.StatusCode.CANCELLED, "the call was given up", Details())


def miscounted() -> InternalError:
    """An answer that has not one result for each token."""
    return InternalError(grpc.StatusCode.INTERNAL, "the answer has not one result for each token", Details())


def read_details(raw: bytes) -> Details:
    """Read a `google.rpc.Status`; other bytes, such as a proxy may send, tell nothing.

    Its types belong to a package that this client does without, and declaring them here as well would clash
    with that package in the one pool of types of a process. So their few fields are read by number.
    """
    try:
        return _read(raw)
    except (DecodeError, OverflowError, ValueError):
        return Details()


def _read(raw: bytes) -> Details:
    reason, metadata, retry_after = "", {}, None
    for packed in (
        AnyMessage.FromString(value) for number, value in _fields(raw) if number == _STATUS_DETAILS
    ):
        if packed.type_url.endswith("/google.rpc.ErrorInfo"):
            info = list(_fields(packed.value))
            if (_INFO_DOMAIN, _DOMAIN) in info:
                reason = next((value.decode() for number, value in info if number == _INFO_REASON), "")
                metadata = dict(_entry(value) for number, value in info if number == _INFO_METADATA)
        elif packed.type_url.endswith("/google.rpc.RetryInfo"):
            delays = [
                Duration.FromString(value)
                for number, value in _fields(packed.value)
                if number == _RETRY_DELAY
            ]
            retry_after = delays[0].ToTimedelta() if delays else None
    return Details(reason, metadata, retry_after)


def _entry(raw: bytes) -> tuple[str, str]:
    """An entry of a map of strings."""
    parts = dict(_fields(raw))
    return parts.get(1, b"").decode(), parts.get(2, b"").decode()


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message, by number; others are passed over."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        size, position = _varint(raw, position)
        if tag & 7 == _LENGTH_DELIMITED:  # the number read was its size
            yield tag >> 3, raw[position : position + size]
            position += size


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(raw):
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        shift, position = shift + 7, position + 1
        if not byte & 0x80:
            break
    return value, position
