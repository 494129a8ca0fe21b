"""What a token with a good signature must say, and when (RFC 7519 §4, RFC 9068 §4)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.checks import (
    judge_audience,
    judge_lifetime,
    judge_requirements,
    judge_step_up,
    judge_time,
)
from sessiond_server.domain.claims import RESERVED_CLAIMS, Actor, Claims, read_claims
from sessiond_server.domain.policy import (
    REQUIRED_CLAIMS,
    SIGNATURE_ALGORITHMS,
    ClaimMapping,
    IssuerPolicy,
    canonical_algorithm,
)
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.revocation_ids import revocation_ids_of
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.transport.rejections import worded
from tests.support.facts import call_facts, token_facts

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
SESSION = "sds_AAAAAAAAAAAAAAAAAAAAAA"
PAYLOAD = {
    "iss": ISSUER,
    "sub": "alice",
    "aud": "api",
    "exp": NOW + 300,
    "iat": NOW,
    "jti": "t1",
    "client_id": "app",
}


def policy(**changes: Any) -> IssuerPolicy:
    return IssuerPolicy(
        **{"issuer": ISSUER, "audiences": frozenset({"api"}), "algorithms": frozenset({"RS256"})} | changes
    )


LOCAL = policy(
    is_local=True, claims=ClaimMapping(tenant="tenant_id", provider_session=None), leeway=timedelta()
)


def read(rules: IssuerPolicy | None = None, /, **changes: Any) -> Claims | Rejected:
    """Read a payload; a change to `...` takes the claim away."""
    payload = {name: value for name, value in (PAYLOAD | changes).items() if value is not ...}
    return read_claims(parsed(payload), rules or policy())


def parsed(payload: dict[str, Any]) -> ParsedToken:
    return ParsedToken("RS256", "k1", "at+jwt", payload, json.dumps(payload), b"", b"")


def claims(rules: IssuerPolicy | None = None, /, **changes: Any) -> Claims:
    found = read(rules, **changes)
    assert isinstance(found, Claims), found
    return found


def reason(verdict: object) -> Reason | None:
    return verdict.reason if isinstance(verdict, Rejected) else None


def test_the_claims_are_typed() -> None:
    found = claims(
        scope="read write",
        permissions=["p"],
        roles=["r"],
        sid="their-session",
        nbf=NOW - 1,
        auth_time=NOW,
        acr="1",
        amr=["pwd"],
    )
    assert (found.issuer, found.subject, found.audiences) == (ISSUER, "alice", ("api",))
    assert (found.expires_at, found.issued_at, found.not_before) == (NOW + 300, NOW, NOW - 1)
    assert (found.token_id, found.key_id, found.client_id) == ("t1", "k1", "app")
    assert (found.scopes, found.permissions, found.roles) == (("read", "write"), ("p",), ("r",))
    assert (found.auth_time, found.acr, found.amr) == (NOW, "1", ("pwd",))
    assert (found.session_id, found.session_start_ms, found.provider_session_id) == (
        None,
        None,
        "their-session",
    )


@pytest.mark.parametrize(
    "name", [*REQUIRED_CLAIMS[1:], "nbf", "scope", "permissions", "roles", "auth_time", "acr", "amr", "sid"]
)
def test_a_claim_that_is_null_is_not_absent(name: str) -> None:
    assert reason(read(**{name: None})) is Reason.CLAIM_INVALID


def test_an_issuer_may_be_waived_some_claims() -> None:
    found = claims(policy(required_claims=("iss", "exp", "sub")), client_id=..., jti=..., iat=..., aud=...)
    assert (found.client_id, found.token_id, found.issued_at, found.audiences) == (None, None, None, ())


def test_an_identifier_is_taken_as_it_stands() -> None:
    """RFC7519-7.3: no normalisation, no case folding."""
    assert claims(sub="x" * 255).subject == "x" * 255
    assert claims(sub="E\u0301 \u212a").subject == "E\u0301 \u212a"


@pytest.mark.parametrize(
    ("aud", "audiences"),
    [("api", ("api",)), (["api"], ("api",)), (["a", "b"], ("a", "b")), ([], ()), ("", ("",))],
)
def test_aud_is_a_string_or_an_array_of_strings(aud: Any, audiences: tuple[str, ...]) -> None:
    assert claims(aud=aud).audiences == audiences


@pytest.mark.parametrize("value", [["read", 1], {}, 1, True, [["read"]]])
@pytest.mark.parametrize("name", ["scope", "permissions", "roles", "amr"])
def test_a_list_holds_strings_alone(name: str, value: Any) -> None:
    assert reason(read(**{name: value})) is Reason.CLAIM_INVALID


@pytest.mark.parametrize("name", ["permissions", "roles", "amr"])
def test_only_scopes_may_come_as_one_string(name: str) -> None:
    assert reason(read(**{name: "a b"})) is Reason.CLAIM_INVALID


def test_scopes_come_from_every_mapped_name_each_once() -> None:
    mapped = policy(claims=ClaimMapping(scopes=("scope", "scp")))
    assert claims(mapped, scope="a b", scp=["b", "c"]).scopes == ("a", "b", "c")
    assert claims(scope="a", scp=["b"]).scopes == ("a",)


def test_spaces_alone_part_scopes() -> None:
    """RFC6749-3.3."""
    assert claims(scope=" read  admin ").scopes == ("read", "admin")
    assert claims(scope="").scopes == ()


@pytest.mark.parametrize(
    "scope", ["read\tadmin", "read\u00a0admin", "read\u2003admin", "read\x1cadmin", 'read"', "a\\b", "\x7f"]
)
def test_a_scope_has_the_characters_of_its_specification(scope: str) -> None:
    """RFC6749-3.3: what looks like a space to somebody must not make two scopes of one."""
    assert reason(read(scope=scope)) is Reason.CLAIM_INVALID
    assert reason(read(scope=["read", scope])) is Reason.CLAIM_INVALID


@pytest.mark.parametrize("scope", ["read admin", " read", "read ", " ", ""])
def test_a_member_of_an_array_is_one_scope(scope: str) -> None:
    """RFC6749-3.3: joined again, it would be none or two."""
    assert reason(read(scope=["read", scope])) is Reason.CLAIM_INVALID
    assert claims(scope=["read", "!#[]~"]).scopes == ("read", "!#[]~")


def test_only_mapped_claims_count() -> None:
    found = claims(policy(claims=ClaimMapping(provider_session=None)), sid="x", tenant_id="t", org_id="o")
    assert (found.provider_session_id, found.tenant_id) == (None, None)
    found = claims(
        policy(claims=ClaimMapping(tenant="org_id", provider_session="session")), session="s", org_id="o"
    )
    assert (found.provider_session_id, found.tenant_id) == ("s", "o")


def test_every_mapped_claim_may_be_behind_a_path() -> None:
    """RFC6901-4."""
    inside = {"aud": "api", "jti": "t2", "app": "app2", "org": "o", "sid": "s", "scp": ["a"], "p": ["b"]}
    mapped = policy(
        required_claims=("exp", "/x/y/aud"),
        claims=ClaimMapping(
            audience="/x/y/aud",
            token_id="/x/y/jti",
            client=("/x/none", "/x/y/app"),
            tenant="/x/y/org",
            provider_session="/x/y/sid",
            scopes=("/x/y/scp",),
            permissions=("/x/y/p",),
        ),
    )
    found = claims(mapped, x={"y": inside}, aud=..., jti=..., client_id=...)
    assert (found.audiences, found.token_id, found.client_id) == (("api",), "t2", "app2")
    assert (found.tenant_id, found.provider_session_id) == ("o", "s")
    assert (found.scopes, found.permissions) == (("a",), ("b",))
    missing = {name: value for name, value in inside.items() if name != "aud"}
    assert reason(read(mapped, x={"y": missing}, **{"/x/y/aud": "api"})) is Reason.CLAIM_MISSING


@pytest.mark.parametrize(
    ("tenant", "path"),
    [("o", "/a/b"), ("o", "/a~1b/c~0d/~01"), (None, "/a/b/c"), (None, "/x/b"), (None, "/a/b/0")],
)
def test_a_path_goes_through_objects(tenant: str | None, path: str) -> None:
    """RFC6901-4: `~01` is a tilde and a one, no slash."""
    mapped = policy(claims=ClaimMapping(tenant=path))
    found = claims(mapped, **{"a": {"b": "o"}, "a/b": {"c~d": {"~1": "o"}}, "/a/b": "x"})
    assert found.tenant_id == tenant


def test_the_same_ids_at_another_issuer_are_hashed_otherwise() -> None:
    """RFC7519-4.1.7, RFC8725-3.8b: what is revoked at one issuer is not revoked at another one."""
    other = policy(issuer="https://other.example")
    revocation_ids = [revocation_ids_of(claims(rules, sid="s"), rules) for rules in (policy(), other)]
    assert set(revocation_ids[0].hashed_ids).isdisjoint(revocation_ids[1].hashed_ids)
    assert revocation_ids[0].provider_session != revocation_ids[1].provider_session


def test_azp_stands_in_for_client_id() -> None:
    lenient = policy(required_claims=("exp",))
    assert claims(lenient, client_id=..., azp="other").client_id == "other"
    assert claims(lenient, azp="other").client_id == "app"


def test_sct_and_sid_of_others_are_not_believed() -> None:
    found = claims(sid=SESSION, sct=1)
    assert (found.session_id, found.session_start_ms, found.provider_session_id) == (None, None, SESSION)


def test_a_token_of_ours_names_its_session() -> None:
    found = claims(LOCAL, sid=SESSION, sct=NOW * 1000, tenant_id="t")
    assert (found.session_id, found.session_start_ms, found.provider_session_id) == (
        SESSION,
        NOW * 1000,
        None,
    )
    assert found.tenant_id == "t"


@pytest.mark.parametrize("sid", [..., None, "", "their-session", "sds_AAAAAAAAAAAAAAAAAAAAAB", 1, [SESSION]])
def test_a_token_of_ours_without_its_session_could_not_be_ended(sid: Any) -> None:
    assert reason(read(LOCAL, sid=sid, sct=NOW * 1000)) is Reason.CLAIM_INVALID


@pytest.mark.parametrize("sct", [..., None, "1", 1.5, True, -1])
def test_a_token_of_ours_says_when_its_session_began(sct: Any) -> None:
    assert reason(read(LOCAL, sid=SESSION, sct=sct)) is Reason.CLAIM_INVALID


@pytest.mark.parametrize("cnf", [{"x5t#S256": "A"}, {"jkt": "A"}, {"unknown": 1}, {}, None, "x"])
def test_a_token_with_cnf_is_bound_whatever_is_in_it(cnf: Any) -> None:
    """D-CNF: never silently a bearer token."""
    assert claims(cnf=cnf).is_bound
    assert not claims().is_bound


def test_the_actor_shows() -> None:
    """RFC8693-4.1."""
    found = claims(act={"sub": "admin", "act": {"sub": "service", "iss": "https://other.example"}})
    assert found.actor == Actor(ISSUER, "admin", Actor("https://other.example", "service", None))


def test_an_actor_without_an_issuer_is_one_of_the_tokens_issuer() -> None:
    """RFC8693-4.1: another actor's issuer vouches for that actor alone."""
    found = claims(act={"sub": "admin", "iss": "https://other.example", "act": {"sub": "root"}})
    assert found.actor == Actor("https://other.example", "admin", Actor(ISSUER, "root", None))


@pytest.mark.parametrize(
    "act", ["admin", [], {}, {"sub": 1}, {"sub": ""}, {"sub": "a", "act": "b"}, {"sub": "a", "iss": 1}]
)
def test_an_actor_of_another_form_is_invalid(act: Any) -> None:
    assert reason(read(act=act)) is Reason.CLAIM_INVALID


def test_a_chain_of_actors_has_an_end() -> None:
    def chain(length: int) -> dict[str, Any]:
        return {"sub": "a"} if length == 1 else {"sub": "a", "act": chain(length - 1)}

    assert claims(act=chain(4)).actor is not None
    assert reason(read(act=chain(5))) is Reason.CLAIM_INVALID


def test_a_rejection_names_the_claim_and_not_its_value() -> None:
    found = read(sub="secret\n")
    assert isinstance(found, Rejected)
    assert found.fields == {"fault": "form", "claim": "sub"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["sub", "act", "x"]), values, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([*PAYLOAD, "nbf", "scope", "act", "sid", "sct", "amr", "cnf"]), json_values
    )
)
@pytest.mark.slow
def test_any_payload_gets_an_answer(changes: dict[str, Any]) -> None:
    for rules in (policy(), LOCAL, policy(required_claims=())):
        read(rules, **changes)


def test_an_expired_token_says_so_to_its_client() -> None:
    verdict = judge_time(call_facts(claims(), policy(), now=NOW + 1000))
    assert verdict is not None
    assert worded(verdict)[1] == 'Bearer error="invalid_token", error_description="the token has expired"'


@pytest.mark.parametrize(
    ("iat", "verdict"),
    [
        (NOW + 300, Reason.CLAIM_INVALID),
        (NOW + 301, Reason.CLAIM_INVALID),
        (NOW + 299, None),
        (NOW - 3300, None),
        (NOW - 3301, Reason.CLAIM_INVALID),
    ],
)
def test_a_lifetime_is_positive_and_at_most_the_longest(iat: int, verdict: Reason | None) -> None:
    """RFC7519-2b."""
    rules = policy(max_lifetime=timedelta(hours=1))
    assert reason(judge_lifetime(token_facts(parsed(dict(claims(rules, iat=iat).payload)), rules))) is verdict


def test_a_token_that_does_not_say_when_it_was_issued_ends_within_the_longest_lifetime() -> None:
    """RFC7519-2b: exp ≤ now + max_lifetime."""
    rules = policy(required_claims=("exp",), max_lifetime=timedelta(hours=1))
    found = claims(rules, iat=..., exp=NOW + 3603)
    assert judge_lifetime(token_facts(parsed(dict(found.payload)), rules)) is None
    assert reason(judge_time(call_facts(found, rules, now=NOW))) is Reason.CLAIM_INVALID
    assert judge_time(call_facts(found, rules, now=NOW + 1)) is None


def test_one_common_audience_will_do() -> None:
    assert judge_audience(call_facts(claims(aud=["x", "api"]), policy(), Requirements())) is None
    assert (
        judge_audience(
            call_facts(claims(aud=["x", "y"]), policy(), Requirements(audiences=frozenset({"y", "z"})))
        )
        is None
    )


def test_a_wanted_audience_takes_the_place_of_the_configured_ones() -> None:
    verdict = judge_audience(call_facts(claims(), policy(), Requirements(audiences=frozenset({"other"}))))
    assert reason(verdict) is Reason.AUDIENCE_MISMATCH


def test_every_scope_and_permission_is_needed() -> None:
    found = claims(scope="a b", permissions=["p", "q"])
    assert (
        judge_requirements(call_facts(found, policy(), Requirements(scopes=("a", "b"), permissions=("q",))))
        is None
    )
    for lacking in (
        Requirements(scopes=("a", "c")),
        Requirements(permissions=("p", "r")),
        Requirements(scopes=("A",)),
    ):
        assert reason(judge_requirements(call_facts(found, policy(), lacking))) is Reason.SCOPE_INSUFFICIENT


def test_the_challenge_names_the_scopes_that_are_needed() -> None:
    """RFC6750-3.1."""
    verdict = judge_requirements(call_facts(claims(scope="a"), policy(), Requirements(scopes=("a", "b"))))
    assert verdict is not None
    assert worded(verdict)[1].endswith(', scope="a b"')
    assert 'error="insufficient_scope"' in worded(verdict)[1]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("gold", None),
        (["x", "silver"], None),
        ("bronze", Reason.SCOPE_INSUFFICIENT),
        (..., Reason.SCOPE_INSUFFICIENT),
        ([], Reason.SCOPE_INSUFFICIENT),
    ],
)
def test_a_claim_has_one_of_the_wanted_values(value: Any, verdict: Reason | None) -> None:
    wanted = Requirements(claims={"tier": ("gold", "silver")})
    assert reason(judge_requirements(call_facts(claims(tier=value), policy(), wanted))) is verdict


@pytest.mark.parametrize("value", [1, True, None, {"gold": 1}, [["gold"]], [1]])
def test_only_strings_match_a_wanted_value(value: Any) -> None:
    wanted = Requirements(claims={"tier": ("gold", "1", "True", "None")})
    assert (
        reason(judge_requirements(call_facts(claims(tier=value), policy(), wanted)))
        is Reason.SCOPE_INSUFFICIENT
    )


@pytest.mark.parametrize(
    ("auth_time", "verdict"),
    [
        (NOW - 60, None),
        (NOW - 61, Reason.STEP_UP_REQUIRED),
        (NOW + 2, None),
        (NOW + 3, Reason.STEP_UP_REQUIRED),
        (..., Reason.STEP_UP_REQUIRED),
    ],
)
def test_a_login_to_come_is_no_recent_one(auth_time: Any, verdict: Reason | None) -> None:
    """RFC9470-3."""
    wanted, found = Requirements(max_auth_age_seconds=60), claims(auth_time=auth_time)
    assert reason(judge_step_up(call_facts(found, policy(), wanted, now=NOW))) is verdict
    assert judge_step_up(call_facts(found, policy(), Requirements(), now=NOW)) is None


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "HS512", "ES521", "ES256K", "rs256", "RS256 ", ""]
)
def test_an_issuer_is_not_allowed_what_proves_nothing(algorithm: str) -> None:
    """RFC8725-3.1a."""
    with pytest.raises(ValueError, match="algorithms"):
        policy(algorithms=frozenset({"RS256", algorithm}))


def test_a_policy_keeps_the_canonical_name() -> None:
    """RFC9864."""
    assert policy(algorithms=frozenset({"EdDSA", "ES256"})).algorithms == {"Ed25519", "ES256"}
    assert all(canonical_algorithm(name) == name for name in SIGNATURE_ALGORITHMS)


@pytest.mark.parametrize("field", ["algorithms", "audiences"])
def test_a_policy_that_accepts_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        policy(**{field: frozenset()})


def test_what_we_require_of_tokens_a_login_cannot_claim() -> None:
    assert RESERVED_CLAIMS.issuperset([*REQUIRED_CLAIMS, "sid", "sct", "cnf", "act", "nbf", "tenant_id"])
