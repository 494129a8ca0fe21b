"""Only access tokens are accepted (RFC 9068 §4, RFC 8725 §3.12).

They are told by their `typ` or, where that is waived, by what they say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sessiond_server.domain.checks import judge_type
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Reason
from tests.support.facts import token_facts

ACCESS = {"iss": "https://a", "sub": "s", "aud": "api", "client_id": "web", "scope": "x"}


OTHERS = ["logout+jwt", "secevent+jwt", "dpop+jwt", "token-introspection+jwt", "rt+jwt", "id+jwt"]


def policy(*types: str | None) -> IssuerPolicy:
    return IssuerPolicy(
        issuer="https://a",
        audiences=frozenset({"api"}),
        algorithms=frozenset({"RS256"}),
        token_types=frozenset(types),
        claims=ClaimMapping(scopes=("scope", "scp")),
    )


STRICT, WAIVED = policy("at+jwt"), policy("at+jwt", "jwt", None)


def is_access(policy: IssuerPolicy, token_type: str | None, payload: dict[str, Any]) -> bool:
    token = ParsedToken("RS256", "k", token_type, payload, "", b"", b"")
    rejected = judge_type(token_facts(token, policy))
    assert rejected is None or rejected.reason is Reason.TYPE_NOT_ALLOWED
    return rejected is None


def test_the_standard_type_needs_no_waiver() -> None:
    assert is_access(STRICT, "at+jwt", ACCESS)
    assert is_access(STRICT, "at+jwt", {**ACCESS, "nonce": "n"})
    assert is_access(WAIVED, "at+jwt", {})


@pytest.mark.parametrize("token_type", ["jwt", None, *OTHERS])
def test_any_other_type_is_refused_without_a_waiver(token_type: str | None) -> None:
    assert not is_access(STRICT, token_type, ACCESS)


@pytest.mark.parametrize("token_type", OTHERS)
def test_a_waiver_is_for_the_named_types_alone(token_type: str) -> None:
    assert not is_access(WAIVED, token_type, ACCESS)


@pytest.mark.parametrize("token_type", ["jwt", None])
@pytest.mark.parametrize(
    "betraying",
    [
        {"nonce": "n"},
        {"at_hash": "h"},
        {"c_hash": "h"},
        {"s_hash": "h"},
        {"events": {}},
        {"token_use": "id"},
        {"typ": "ID"},
        {"typ": "Refresh"},
    ],
    ids="-".join,
)
def test_a_claim_that_betrays_another_token_is_seen_under_a_waiver(
    token_type: str | None, betraying: dict[str, Any]
) -> None:
    assert is_access(WAIVED, token_type, ACCESS)
    assert not is_access(WAIVED, token_type, {**ACCESS, **betraying})


BOUND = {"typ": "DPoP", "cnf": {"jkt": "thumbprint"}}


@pytest.mark.parametrize("claims", [{"token_use": "access"}, {"typ": "Bearer"}, BOUND])
def test_a_claim_that_only_access_tokens_have_is_accepted(claims: dict[str, Any]) -> None:
    assert is_access(WAIVED, "jwt", {**ACCESS, **claims})


@pytest.mark.parametrize("cnf", [..., None, {}, {"kid": "k"}, {"x5t#S256": "A"}, {"jkt": 1}])
@pytest.mark.parametrize("token_type", ["jwt", "at+jwt"])
def test_a_token_that_calls_itself_bound_by_dpop_names_its_key(token_type: str, cnf: Any) -> None:
    """RFC9449-7.1: it must never pass for a bearer token."""
    assert is_access(WAIVED, token_type, {**ACCESS, **BOUND})
    assert not is_access(WAIVED, token_type, {**ACCESS, "typ": "DPoP"} | ({} if cnf is ... else {"cnf": cnf}))


@pytest.mark.parametrize("name", ["client_id", "azp", "scope", "scp"])
def test_an_access_token_says_for_which_client_or_what(name: str) -> None:
    bare = {"iss": "https://a", "sub": "s", "aud": "api"}
    assert not is_access(WAIVED, None, bare)
    assert is_access(WAIVED, None, {**bare, name: "x"})


def test_a_claim_behind_a_path_marks_an_access_token_too() -> None:
    """RFC6901-4."""
    mapped = replace(WAIVED, claims=ClaimMapping(client=("/app/id",), scopes=()))
    assert is_access(mapped, "jwt", {"sub": "s", "app": {"id": "web"}})
    assert not is_access(mapped, "jwt", {"sub": "s", "app": {}, "/app/id": "web"})
