"""Who may call what: one table of methods and their branches; what is not in it is denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from sessiond_server.domain.caller import Group
from sessiond_server.service.callers import Callers
from sessiond_server.transport.calls import Call, Handler, StreamHandler
from sessiond_server.transport.codec import wire

MessageT = TypeVar("MessageT", bound=Message)

_ONLY: Final = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a method needs: a group for each branch of its request, which `branch_of` tells; None is no branch at all."""

    groups: Mapping[str, Group]
    branch_of: Callable[[Any], str | None] = lambda _request: _ONLY


PERMISSIONS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "ValidateToken": Rule({_ONLY: Group.VALIDATE}),
        "ValidateTokens": Rule({_ONLY: Group.VALIDATE}),
        "CreateSession": Rule(
            {"upstream_tokens": Group.SESSION, "authorization_code": Group.SESSION, "local_login": Group.MINT},
            lambda request: request.WhichOneof("source"),
        ),
        "RefreshSession": Rule(
            {"refresh_token": Group.SESSION, "issuer": Group.ADOPT},
            lambda request: "issuer" if request.issuer else "refresh_token",
        ),
        "RevokeSession": Rule(
            {
                "session_id": Group.SESSION,
                "refresh_token": Group.SESSION,
                "access_token": Group.SESSION,
                "provider_session": Group.REVOKE,
                "subject": Group.REVOKE,
                "tenant": Group.REVOKE_BULK,
                "client": Group.REVOKE_BULK,
                "issuer": Group.REVOKE_BULK,
                "key": Group.REVOKE_BULK,
            },
            lambda request: request.WhichOneof("target"),
        ),
        "GetSession": Rule({_ONLY: Group.READ}),
        "ListSessions": Rule({_ONLY: Group.READ}),
        "WatchRevocations": Rule({_ONLY: Group.WATCH}),
    }
)


def authenticated(handler: Handler, *, callers: Callers) -> Handler:
    """Wrap `handler` so that it only sees calls of known callers, and none that the caller may not make in any form."""

    async def admitted(request: bytes, call: Call) -> bytes:
        _admit(call, callers)
        return await handler(request, call)

    return admitted


def authenticated_stream(handler: StreamHandler, *, callers: Callers) -> StreamHandler:
    """The same for a server stream."""

    async def admitted(request: bytes, call: Call) -> Any:
        _admit(call, callers)
        async for message in handler(request, call):
            yield message

    return admitted


def parse_permitted(message_type: type[MessageT], raw: bytes, call: Call) -> MessageT:
    """Read a request, and raise `CallerNotPermittedError` where the caller may not make this one."""
    request = wire.parse(message_type, raw)
    rule = PERMISSIONS[call.method]
    branch = rule.branch_of(request)
    if branch is not None:
        call.caller.require_any({rule.groups[branch]} if branch in rule.groups else ())
    return request


def _admit(call: Call, callers: Callers) -> None:
    call.identified = callers.identify(call.credentials)
    rule = PERMISSIONS.get(call.method)
    call.caller.require_any(rule.groups.values() if rule else ())
