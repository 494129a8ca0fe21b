"""What holds for any token and any claims, not for chosen ones alone."""

from __future__ import annotations

import base64
import json
from types import MappingProxyType
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.checks import (
    judge_audience,
    judge_lifetime,
    judge_requirements,
    judge_step_up,
    judge_time,
    judge_type,
)
from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected
from tests.support.examples import examples
from tests.support.facts import call_facts, token_facts
from tests.support.vectors import MAX_TOKEN_BYTES

PARSER = StrictTokenParser(MAX_TOKEN_BYTES)
ISSUER = "https://id.example"
POLICY = IssuerPolicy(
    issuer=ISSUER,
    audiences=frozenset({"api"}),
    algorithms=frozenset({"ES256"}),
    required_claims=("iss", "sub", "aud", "exp"),
    token_types=frozenset({"at+jwt", "jwt", None}),
)
NOW = 1_700_000_000

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
claim_names = st.sampled_from(
    [
        *(
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "nbf",
            "jti",
            "sid",
            "client_id",
            "azp",
            "scope",
            "roles",
            "permissions",
            "acr",
            "amr",
        ),
        *("permissions", "acr", "amr", "auth_time", "act", "cnf", "nonce", "token_use", "typ"),
    ]
)
times = st.integers(min_value=0, max_value=2 * NOW) | st.floats(min_value=0, max_value=2 * NOW)
words = st.text(alphabet="abcxyz:", min_size=1, max_size=6)


def segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@st.composite
def claims_of(draw: st.DrawFn) -> Claims:
    """Claims as a token of the issuer could have them."""
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "s",
        "aud": draw(st.lists(words, max_size=3)),
        "exp": draw(times),
    }
    for name in draw(st.lists(st.sampled_from(["iat", "nbf", "auth_time"]), unique=True)):
        payload[name] = draw(times)
    payload["scope"] = " ".join(draw(st.lists(words, max_size=4)))
    payload["permissions"] = draw(st.lists(words, max_size=4))
    if draw(st.booleans()):
        payload["acr"] = draw(words)
    claims = read_claims(ParsedToken("ES256", "k", "at+jwt", payload, "", b"", b""), POLICY)
    assert isinstance(claims, Claims)
    return claims


@given(st.binary(max_size=300))
@example(b"..")
@example(b"e30.e30.e30")
def test_any_bytes_are_a_token_or_none(raw: bytes) -> None:
    assert PARSER.parse(raw) is None or raw.count(b".") == 2
    read_proof(raw)


@given(json_values, json_values, st.binary(max_size=70))
def test_any_json_in_three_segments_is_a_token_or_none(header: Any, payload: Any, signature: bytes) -> None:
    raw = b".".join(
        segment(part) for part in (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    )
    parsed = PARSER.parse(raw)
    assert parsed is None or (
        isinstance(header, dict) and isinstance(payload, dict) and parsed.signature == signature
    )
    read_proof(raw)


@given(st.dictionaries(claim_names, json_values), st.sampled_from(["at+jwt", "jwt", None, "dpop+jwt"]))
@settings(max_examples=examples(100))
def test_any_claims_are_judged_and_never_raise(payload: dict[str, Any], token_type: str | None) -> None:
    token = ParsedToken("ES256", "k", token_type, payload, "", b"", b"")
    facts = token_facts(token, POLICY)
    rejected = judge_type(facts)
    assert rejected is None or rejected.reason is Reason.TYPE_NOT_ALLOWED
    claims = read_claims(token, POLICY)
    if isinstance(claims, Rejected):
        assert claims.reason in {Reason.CLAIM_MISSING, Reason.CLAIM_INVALID}
    else:
        assert judge_lifetime(facts) is None or claims.issued_at is not None


@given(claims_of(), times, times)
def test_what_has_expired_stays_expired(claims: Claims, first: float, second: float) -> None:
    earlier, later = sorted((first, second))
    rejected = judge_time(call_facts(claims, POLICY, now=earlier))
    if rejected and rejected.reason is Reason.EXPIRED:
        again = judge_time(call_facts(claims, POLICY, now=later))
        assert again is not None
        assert again.reason is Reason.EXPIRED


@given(claims_of(), times)
def test_an_accepted_time_lies_within_every_bound(claims: Claims, now: float) -> None:
    if judge_time(call_facts(claims, POLICY, now=now)) is None:
        assert now < claims.expires_at + POLICY.leeway.total_seconds()
        for start in (claims.issued_at, claims.not_before):
            assert start is None or start <= now + POLICY.clock_skew.total_seconds()


@given(claims_of(), st.frozensets(words, max_size=4))
def test_an_audience_is_accepted_exactly_where_one_is_shared(claims: Claims, wanted: frozenset[str]) -> None:
    shared = (wanted or POLICY.audiences) & set(claims.audiences)
    assert (judge_audience(call_facts(claims, POLICY, Requirements(audiences=wanted))) is None) is bool(
        shared
    )


@given(claims_of(), st.lists(words, max_size=4), st.lists(words, max_size=4), words)
def test_a_demand_more_never_makes_a_token_good(
    claims: Claims, scopes: list[str], permissions: list[str], more: str
) -> None:
    less = Requirements(scopes=tuple(scopes), permissions=tuple(permissions))
    for harder in (
        Requirements(scopes=(*scopes, more), permissions=tuple(permissions)),
        Requirements(scopes=tuple(scopes), permissions=(*permissions, more)),
        Requirements(
            scopes=tuple(scopes), permissions=tuple(permissions), claims=MappingProxyType({more: ("x",)})
        ),
    ):
        if judge_requirements(call_facts(claims, POLICY, less)):
            assert judge_requirements(call_facts(claims, POLICY, harder))
    if judge_requirements(call_facts(claims, POLICY, less)) is None:
        assert set(scopes) <= set(claims.scopes)
        assert set(permissions) <= set(claims.permissions)


@given(claims_of(), times, st.floats(min_value=0, max_value=NOW), st.lists(words, max_size=2))
def test_a_step_up_is_asked_for_exactly_where_it_is_due(
    claims: Claims, now: float, age: float, acr_values: list[str]
) -> None:
    requirements = Requirements(max_auth_age_seconds=age, acr_values=tuple(acr_values))
    is_strong = not acr_values or claims.acr in acr_values
    latest = now + POLICY.clock_skew.total_seconds()
    is_recent = claims.auth_time is not None and now - age <= claims.auth_time <= latest
    assert (judge_step_up(call_facts(claims, POLICY, requirements, now=now)) is None) is (
        is_strong and is_recent
    )
