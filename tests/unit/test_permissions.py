"""Who calls, and what they may do."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import CallerNotPermittedError, CallerUnknownError
from sessiond_server.service.callers import Callers, Credentials, KnownCaller
from sessiond_server.transport.calls import Call
from sessiond_server.transport.permissions import PERMISSIONS, authenticated, authenticated_stream, parse_permitted

SERVICE = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"]
ORDERS = Caller("orders", frozenset({Group.VALIDATE}))
MESH = Caller("mesh", frozenset({Group.SESSION}))


def callers(*anonymous: Group) -> Callers:
    digests = tuple(hashlib.sha256(key.encode()).digest() for key in ("new-key", "old-key"))
    known = [KnownCaller(ORDERS, digests, frozenset()), KnownCaller(MESH, (), frozenset({"spiffe://acme/mesh"}))]
    return Callers(known, anonymous=frozenset(anonymous))


@pytest.mark.parametrize("header", ["Bearer new-key", "bearer old-key", "BEARER new-key"])
def test_a_key_tells_who_calls(header: str) -> None:
    assert callers().identify(Credentials((header,))) is ORDERS


@pytest.mark.parametrize(
    "headers",
    [
        ("Bearer wrong",),
        ("Bearer ",),
        ("Bearer",),
        ("",),
        ("new-key",),
        ("Basic new-key",),
        ("Bearer new-key ",),
        ("Bearer  new-key",),
        ("Bearer new-key", "Bearer new-key"),
    ],
)
def test_a_wrong_key_is_never_read_as_none(headers: tuple[str, ...]) -> None:
    with pytest.raises(CallerUnknownError):
        callers(Group.VALIDATE).identify(Credentials(headers))


def test_a_certificate_tells_who_calls() -> None:
    assert callers().identify(Credentials((), ("dns.example", "spiffe://acme/mesh"))) is MESH


def test_a_key_stands_above_a_certificate() -> None:
    assert callers().identify(Credentials(("Bearer new-key",), ("spiffe://acme/mesh",))) is ORDERS
    with pytest.raises(CallerUnknownError):
        callers().identify(Credentials(("Bearer wrong",), ("spiffe://acme/mesh",)))


def test_without_credentials_a_caller_is_anonymous_or_nobody() -> None:
    assert callers(Group.VALIDATE).identify(Credentials()).groups == {Group.VALIDATE}
    for credentials in (Credentials(), Credentials((), ("spiffe://acme/other",))):
        with pytest.raises(CallerUnknownError):
            callers().identify(credentials)


def test_every_method_has_a_rule() -> None:
    assert set(PERMISSIONS) == {method.name for method in SERVICE.methods}


def test_every_branch_has_a_group() -> None:
    for method in SERVICE.methods:
        branches = {field.name for oneof in method.input_type.oneofs for field in oneof.fields if len(oneof.fields) > 1}
        if branches:
            assert set(PERMISSIONS[method.name].groups) == branches, method.name


def filled(method: Any, branch: str) -> Any:
    """A request with this branch set."""
    request = getattr(session_service_pb2, method.input_type.name)()
    field = method.input_type.fields_by_name[branch]
    if field.message_type:
        getattr(request, branch).SetInParent()
    else:
        setattr(request, branch, "x")
    return request


def test_each_branch_needs_its_own_group() -> None:
    seen = 0
    for method in SERVICE.methods:
        rule = PERMISSIONS[method.name]
        for branch, group in rule.groups.items():
            kind = getattr(session_service_pb2, method.input_type.name)
            raw = (filled(method, branch) if branch else kind()).SerializeToString()
            parse_permitted(kind, raw, Call(method.name, identified=Caller("c", frozenset({group}))))
            others = frozenset(Group) - {group}
            with pytest.raises(CallerNotPermittedError):
                parse_permitted(kind, raw, Call(method.name, identified=Caller("c", others)))
            seen += 1
    assert seen == 19


async def handler(_request: bytes, call: Call) -> bytes:
    return call.caller.name.encode()


async def stream(_request: bytes, call: Call) -> Any:
    yield call.caller.name.encode()


async def test_a_call_reaches_its_handler_with_its_caller() -> None:
    call = Call("ValidateToken", Credentials(("Bearer new-key",)))
    assert await authenticated(handler, callers=callers())(b"", call) == b"orders"
    watching = Callers([], anonymous=frozenset({Group.WATCH}))
    messages = authenticated_stream(stream, callers=watching)(b"", Call("WatchRevocations"))
    assert [message async for message in messages] == [b"anonymous"]


@pytest.mark.parametrize("method", ["CreateSession", "GetSession", "WatchRevocations", "Unlisted"])
async def test_what_a_caller_may_not_do_in_any_form_is_not_even_parsed(method: str) -> None:
    with pytest.raises(CallerNotPermittedError):
        await authenticated(handler, callers=callers())(b"\xff", Call(method, Credentials(("Bearer new-key",))))
    with pytest.raises(CallerNotPermittedError):
        await anext(authenticated_stream(stream, callers=callers())(b"\xff", Call(method, Credentials(("Bearer new-key",)))))


def test_a_caller_may_be_kept_to_issuers_and_clients() -> None:
    caller = Caller("c", frozenset(), issuers=frozenset({"https://a"}), client_ids=frozenset({"web"}))
    caller.require_session("https://a", "web")
    for issuer, client in (("https://b", "web"), ("https://a", "app"), ("https://a", None)):
        with pytest.raises(CallerNotPermittedError):
            caller.require_session(issuer, client)
    assert caller.is_restricted
    assert not ORDERS.is_restricted
