"""No message names an issuer to a caller that may not use it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import CallerNotPermittedError, Input, InputRefusedError
from sessiond_server.domain.session import Device, Login
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.create import RequestContext, SessionCreation
from tests.support.fakes import ORIGIN, SilentLogger

if TYPE_CHECKING:
    from collections.abc import Callable

OURS, ALSO_OURS, THEIRS = "https://a.example", "https://b.example", "https://c.example"
WITHOUT_SESSIONS, UNKNOWN = "https://d.example", "https://nobody.example"


def caller(*issuers: str) -> Caller:
    return Caller("confined", frozenset(Group), issuers=frozenset(issuers))


CONFINED, FREE = caller(OURS, ALSO_OURS, WITHOUT_SESSIONS), Caller("free", frozenset(Group))


def by_scope(issuer: str, who: Caller) -> None:
    scope = CallerScope(Any, issuers=[OURS, ALSO_OURS, THEIRS], trusted=[], logger=SilentLogger())
    scope.require_issuer(issuer, who)


def by_providers(issuer: str, who: Caller) -> None:
    known: Any = [SimpleNamespace(policy=SimpleNamespace(issuer=one)) for one in (THEIRS, ALSO_OURS, OURS)]
    Providers(known, validation=Any, id_tokens=Any).require(issuer, who)


BOTH = pytest.mark.parametrize("require", [by_scope, by_providers])


@BOTH
@pytest.mark.parametrize("issuer", [THEIRS, UNKNOWN])
def test_an_issuer_that_is_not_the_callers_is_not_permitted_configured_or_not(
    require: Callable[[str, Caller], None], issuer: str
) -> None:
    with pytest.raises(CallerNotPermittedError) as refused:
        require(issuer, CONFINED)
    assert (refused.value.what, refused.value.needed) == ("issuer", issuer)


@BOTH
@pytest.mark.parametrize(
    ("who", "issuer", "allowed"),
    [
        (CONFINED, WITHOUT_SESSIONS, f"{OURS}, {ALSO_OURS}"),
        (FREE, UNKNOWN, f"{OURS}, {ALSO_OURS}, {THEIRS}"),
    ],
)
def test_only_those_that_the_caller_may_use_are_listed(
    require: Callable[[str, Caller], None], who: Caller, issuer: str, allowed: str
) -> None:
    with pytest.raises(InputRefusedError) as refused:
        require(issuer, who)
    assert refused.value.allowed == allowed


@BOTH
def test_a_caller_whose_issuers_have_no_sessions_is_told_of_none(
    require: Callable[[str, Caller], None],
) -> None:
    with pytest.raises(InputRefusedError) as refused:
        require(WITHOUT_SESSIONS, caller(WITHOUT_SESSIONS))
    assert refused.value.allowed.startswith("none: ")


@BOTH
def test_the_callers_own_issuers_are_allowed(require: Callable[[str, Caller], None]) -> None:
    require(OURS, CONFINED)
    require(THEIRS, FREE)


@pytest.mark.parametrize("local", [None, SimpleNamespace(issuer=THEIRS)])
async def test_whoever_may_not_log_in_locally_does_not_learn_who_could(local: Any) -> None:
    with pytest.raises(CallerNotPermittedError) as refused:
        await creation(local).from_local_login(
            LOGIN, RequestContext(Device()), caller=CONFINED, origin=ORIGIN
        )
    assert (refused.value.what, refused.value.needed) == ("issuer", "local")


async def test_without_a_local_issuer_whoever_may_use_all_is_told_so() -> None:
    with pytest.raises(InputRefusedError) as refused:
        await creation(None).from_local_login(LOGIN, RequestContext(Device()), caller=FREE, origin=ORIGIN)
    assert refused.value.what is Input.LOCAL_LOGIN


LOGIN = Login("", "alice", "")


def creation(local: Any) -> SessionCreation:
    unused: Any = None
    return SessionCreation(
        unused,
        local=local,
        providers=unused,
        ahead=unused,
        refused=unused,
        possession=unused,
        lifetimes={},
        entry_life_ms=0,
        peppers=unused,
        revocations=unused,
        uncancelled=unused,
        audit=unused,
        randomness=bytes,
    )
