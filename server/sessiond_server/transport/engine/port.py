"""The port of the gRPC engine, and what a call is on both sides of it.

Raw bytes go in, and raw bytes or a status come out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import UNKNOWN, Caller
from sessiond_server.domain.failures import Input
from sessiond_server.service.callers import Credentials

_NOBODY: Final = Caller(UNKNOWN, frozenset())


class StatusCode(IntEnum):
    """The canonical codes that sessiond answers with, by their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Status:
    """A refusal or failure as the wire has it: a canonical code and one `google.rpc.ErrorInfo`.

    `exhausted` is the quota that the call would have exceeded: what it is counted by, and how much there is.
    """

    code: StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    retry_after_seconds: float | None = None
    exhausted: tuple[str, str] | None = None


@dataclass(slots=True)
class Call:
    """One call of one method.

    `time_remaining` gives the seconds until the caller's deadline, None without one; `when_done` takes what
    is to be called once the caller has taken the answer, or has left. `read_request_id` reads the name that
    the call has elsewhere, where it was told in due form. `identified` is who makes it, once that
    is known. `input_names` say under which names its request has what a service may refuse. `outcome` is a
    word for what came of it, where its code says too little. `log_fields` are what the handler adds to the
    call's log line; never anything from a token.
    """

    method: str
    credentials: Credentials = field(default_factory=Credentials)
    time_remaining: Callable[[], float | None] = lambda: None
    when_done: Callable[[Callable[[], None]], None] = lambda _: None
    read_request_id: Callable[[], str] = str
    identified: Caller | None = None
    input_names: Mapping[Input, str] = field(default_factory=dict)
    outcome: str | None = None
    log_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        """Who makes it; before that is known, a caller who may do nothing."""
        return self.identified or _NOBODY


# What is said of a defect: nothing.
INTERNAL: Final = Status(StatusCode.INTERNAL, "INTERNAL", "internal error")

Response: TypeAlias = bytes | Status
# Once its caller has left, or has no time left, the engine cancels a handler; what must not stop halfway goes
# on without it (service/uncancelled.py).
UnaryHandler: TypeAlias = Callable[[bytes, Call], Awaitable[Response]]
# The status, if any, is the last item. Where an item is not taken in time, the engine throws
# `WatchFellBehindError` in, and what comes out for it is the last item.
StreamHandler: TypeAlias = Callable[[bytes, Call], AsyncGenerator[Response, None]]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What an engine serves: handlers by method name, all of one service.

    `refuse` tells from a call's method and the credentials in its headers whether it is refused, and with
    which status, without a message of it being read; the answer may have to be waited for. `shed` gives the
    status for a call of a method that finds too many others before it.
    """

    service: str
    unary: Mapping[str, UnaryHandler]
    streams: Mapping[str, StreamHandler]
    refuse: Callable[[str, Credentials], Status | Awaitable[Status | None] | None]
    shed: Callable[[str], Status]


class Engine(Protocol):
    """Turns bytes on a socket into calls of the endpoints that it was built with, at one address."""

    async def start(self) -> Address:
        """Begin to accept calls; the address is the one truly listened on. Raises `AddressError`."""

    def tell_health(self) -> None:
        """Tell those who watch `grpc.health.v1.Health` what it answers now, where they do not know that."""

    async def stop(self, *, grace_seconds: float) -> None:
        """Accept no more calls, let those in flight finish for at most `grace_seconds`, and close."""
