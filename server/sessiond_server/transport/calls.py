"""What a call is, before and after any engine: raw bytes in, raw bytes or a status out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import grpc

from sessiond_server.domain.caller import Caller
from sessiond_server.service.callers import Credentials

_UNKNOWN: Final = Caller("unknown", frozenset())


@dataclass(slots=True)
class Call:
    """One call of one method.

    `identified` is who makes it, once that is known; `time_remaining` gives the seconds until the caller's deadline, None without
    one. `notes` are fields that the handler adds to the call's log line; never anything from a token.
    """

    method: str
    credentials: Credentials = field(default_factory=Credentials)
    time_remaining: Callable[[], float | None] = lambda: None
    identified: Caller | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        """Who makes it; nobody who may do anything before that is known."""
        return self.identified or _UNKNOWN


@dataclass(frozen=True, slots=True)
class Status:
    """A refusal or failure as the wire has it: a canonical code and one `google.rpc.ErrorInfo`."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    retry_after_seconds: float | None = None


Reply: TypeAlias = bytes | Status
Handler: TypeAlias = Callable[[bytes, Call], Awaitable[bytes]]
GuardedHandler: TypeAlias = Callable[[bytes, Call], Awaitable[Reply]]
StreamHandler: TypeAlias = Callable[[bytes, Call], AsyncIterator[bytes]]
