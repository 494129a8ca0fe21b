"""What a call is, before and after any engine: raw bytes in, raw bytes or a status out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import grpc


@dataclass(slots=True)
class Call:
    """One call of one method.

    `notes` are fields that the handler adds to the call's log line; never anything from a token.
    """

    method: str
    caller: str
    notes: dict[str, Any] = field(default_factory=dict)


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
