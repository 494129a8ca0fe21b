"""The calls that have reached the fake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from sessiond.v1.session_pb2 import Requirements


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `tokens` are those that it is about, and `key` is that of who called, empty without one.

    `requirements` are those of a validation, as keywords of `validate`.
    """

    method: str
    tokens: tuple[str, ...] = field(repr=False)
    requirements: Mapping[str, Any]
    key: str = field(repr=False)


def to_call(request: Message, key: str) -> Call:
    """What a request says."""
    given: Any = request
    name = type(request).__name__.removesuffix("Request")
    match name:
        case "ValidateToken":
            return Call(name, (given.token,), _keywords(given.requirements), key)
        case "ValidateTokens":
            return Call(name, tuple(given.tokens), _keywords(given.requirements), key)
        case "RefreshSession":
            return Call(name, (given.refresh_token,), {}, key)
        case "RevokeSession" if given.access_token or given.refresh_token:
            return Call(name, (given.access_token or given.refresh_token,), {}, key)
        case _:
            return Call(name, (), {}, key)


def _keywords(message: Requirements) -> Mapping[str, Any]:
    names = ("issuers", "audiences", "scopes", "permissions", "acr_values")
    found: dict[str, Any] = {name: list(getattr(message, name)) for name in names if getattr(message, name)}
    if message.claims:
        found["claims"] = {name: list(wanted.values) for name, wanted in message.claims.items()}
    if message.HasField("max_auth_age"):
        found["max_auth_age"] = message.max_auth_age.ToTimedelta()
    return found
