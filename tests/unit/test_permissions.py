"""Who calls, and what they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import CallerNotPermittedError, CallerUnknownError
from sessiond_server.service.callers import (
    Callers,
    Credentials,
    KnownCaller,
    PresentedToken,
    WorkloadTokens,
)
from sessiond_server.transport.admission.permissions import Rule
from tests.support.methods import rows

SERVICE = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"]
ORDERS = Caller("orders", frozenset({Group.VALIDATE}))
MESH = Caller("mesh", frozenset({Group.SESSION}))
ROWS = rows()
# Which group each branch of a request needs; "" stands for a method without branches.
GROUPS = {
    "ValidateToken": {"": Group.VALIDATE},
    "ValidateTokens": {"": Group.VALIDATE},
    "CreateSession": {
        "provider_tokens": Group.SESSION,
        "authorization_code": Group.SESSION,
        "local_login": Group.MINT,
    },
    "RefreshSession": {"refresh_token": Group.SESSION, "issuer": Group.ADOPT},
    "RevokeSession": {
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
    "GetSession": {"": Group.READ},
    "ListSessions": {"": Group.READ},
    "GetRevocationStatus": {"": Group.READ},
    "WatchRevocations": {"": Group.WATCH},
}


def callers(*anonymous: Group) -> Callers:
    digests = tuple(hashlib.sha256(key.encode()).digest() for key in ("new-key", "old-key"))
    known = [
        KnownCaller(ORDERS, digests, frozenset()),
        KnownCaller(MESH, (), frozenset({"spiffe://acme/mesh"})),
    ]
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


class Tokens(WorkloadTokens):
    """Knows one token at once, and one after a while."""

    def __init__(self) -> None:
        self.asked: set[bytes] = set()

    async def late(self) -> Caller:
        return MESH

    def identify(self, token: PresentedToken) -> Caller:
        self.asked.add(token.text)
        if token.text not in {b"a.b.c", b"d.e.f"}:
            raise CallerUnknownError
        return MESH

    def meet(self, token: PresentedToken) -> Caller | Awaitable[Caller]:
        return self.late() if token.text == b"d.e.f" else self.identify(token)


async def test_what_has_the_form_of_a_token_may_be_a_workloads() -> None:
    known = [KnownCaller(ORDERS, (hashlib.sha256(b"x.y.z").digest(),), frozenset())]
    tokens = Tokens()
    with_tokens = Callers(known, anonymous=frozenset(Group), workloads=tokens)
    assert with_tokens.identify(Credentials(("Bearer a.b.c",))) is MESH
    assert with_tokens.identify_early(Credentials(("bearer a.b.c",)), by_certificate=True) is MESH
    assert with_tokens.identify(Credentials(("Bearer x.y.z",))) is ORDERS
    late = with_tokens.identify_early(Credentials(("Bearer d.e.f",)), by_certificate=False)
    assert isinstance(late, Awaitable)
    assert await late is MESH
    for header in ("Bearer a.b.d", "Bearer a.b", "Bearer a.b.c.d", "Basic a.b.c", "a.b.c"):
        for identify in (
            with_tokens.identify,
            partial(with_tokens.identify_early, by_certificate=False),
        ):
            with pytest.raises(CallerUnknownError):
                identify(Credentials((header,)))
    with pytest.raises(CallerUnknownError):
        with_tokens.identify(Credentials(("Bearer a.b.c", "Bearer a.b.c")))
    assert tokens.asked == {b"a.b.c", b"a.b.d"}


def test_without_workload_issuers_a_token_is_a_wrong_key() -> None:
    for identify in (callers().identify, partial(callers().identify_early, by_certificate=False)):
        with pytest.raises(CallerUnknownError):
            identify(Credentials(("Bearer a.b.c",)))


def test_every_method_has_a_rule() -> None:
    assert set(ROWS) == {method.name for method in SERVICE.methods}


def test_every_branch_has_a_group() -> None:
    for method in SERVICE.methods:
        branches = {
            field.name
            for oneof in method.input_type.oneofs
            for field in oneof.fields
            if len(oneof.fields) > 1
        }
        if branches:
            assert set(ROWS[method.name].rule.groups) == branches, method.name


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
    for method in SERVICE.methods:
        rule = ROWS[method.name].rule
        assert dict(rule.groups) == GROUPS[method.name]
        for branch, group in GROUPS[method.name].items():
            request = filled(method, branch) if branch else ROWS[method.name].request()
            rule.require(Caller("c", frozenset({group})), request)
            with pytest.raises(CallerNotPermittedError):
                rule.require(Caller("c", frozenset(Group) - {group}), request)


def test_a_branch_without_a_group_is_denied() -> None:
    rule = Rule({"known": Group.READ}, lambda _: "unknown")
    with pytest.raises(CallerNotPermittedError):
        rule.require(Caller("c", frozenset(Group)), None)


def test_a_method_is_open_to_whoever_is_in_one_of_its_groups() -> None:
    rule = ROWS["CreateSession"].rule
    for group in Group:
        caller = Caller("c", frozenset({group}))
        if group in {Group.SESSION, Group.MINT}:
            rule.require_some(caller)
        else:
            with pytest.raises(CallerNotPermittedError):
                rule.require_some(caller)


def test_every_row_takes_the_message_of_its_method() -> None:
    for method in SERVICE.methods:
        assert ROWS[method.name].request.DESCRIPTOR.full_name == method.input_type.full_name


def test_a_caller_may_be_kept_to_issuers_and_clients() -> None:
    caller = Caller("c", frozenset(), issuers=frozenset({"https://a"}), client_ids=frozenset({"web"}))
    caller.require_session("https://a", "web")
    for issuer, client in (("https://b", "web"), ("https://a", "app"), ("https://a", None)):
        with pytest.raises(CallerNotPermittedError):
            caller.require_session(issuer, client)
    assert caller.is_restricted
    assert not ORDERS.is_restricted
