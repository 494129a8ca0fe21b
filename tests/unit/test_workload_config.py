"""Workload issuers and the callers that they name: what is set, what contradicts, what presets know."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.app.issuers import key_set_reader
from sessiond_server.app.workloads import to_workload_policy
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_settings
from sessiond_server.config.settings import Settings
from sessiond_server.config.workload_presets import WORKLOAD_PRESETS
from sessiond_server.domain.facts import TokenFacts
from sessiond_server.domain.requirements import NO_REQUIREMENTS
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.workload_checks import CHECKS_OF_THE_MOMENT, CHECKS_WITHOUT_A_KEY
from tests.support.facts import call_facts
from tests.support.fakes import SilentLogger

CLUSTER, OTHER = "https://cluster.example", "https://other-cluster.example"
SUBJECT = "system:serviceaccount:shop:orders"
NOW = 1_700_000_100.0
KUBERNETES = {
    "kubernetes.io": {
        "namespace": "shop",
        "pod": {"name": "orders-1", "uid": "1"},
        "serviceaccount": {"name": "orders", "uid": "2"},
    }
}
TIMES = {"iat": 1_700_000_000, "exp": 1_700_003_600}
# By preset: issuer, header's `typ`, algorithm, claims.
SAMPLES: dict[str, tuple[str, str | None, str, dict[str, Any]]] = {
    "kubernetes": (
        "https://oidc.eks.eu-west-1.amazonaws.com/id/1",
        None,
        "RS256",
        {"sub": SUBJECT, "aud": ["sessiond"], "jti": "1", "nbf": 1_700_000_000, **KUBERNETES},
    ),
    "spiffe": (
        "https://spire.example",
        "jose",
        "ES256",
        {"sub": "spiffe://example.org/orders", "aud": ["sessiond"], "exp": 1_700_000_300},
    ),
    "google": (
        "https://accounts.google.com",
        "jwt",
        "RS256",
        {
            "sub": "107691503500061507151",
            "aud": "sessiond",
            "azp": "107691503500061507151",
            "email": "orders@acme.iam.gserviceaccount.com",
            "email_verified": True,
        },
    ),
    "aws": (
        "https://a1b2.tokens.sts.global.api.aws",
        "jwt",
        "ES384",
        {
            "sub": "arn:aws:iam::123456789012:role/orders",
            "aud": "sessiond",
            "jti": "1",
            "https://sts.amazonaws.com/": {"aws_account": "123456789012"},
        },
    ),
    "oidc": ("https://id.example", "jwt", "PS256", {"sub": "orders", "aud": "sessiond"}),
}
# By preset: what makes another token of the issuer's of it.
OTHERS: dict[str, list[tuple[str | None, dict[str, Any]]]] = {
    "kubernetes": [("jwt", {}), (None, {"aud": ["sessiond", CLUSTER]}), (None, {"exp": 1_700_086_401})],
    "spiffe": [("at+jwt", {}), ("jwt", {"iat": 1_700_000_000, "exp": 1_700_003_601})],
    "google": [("jwt", {"at_hash": "h"}), ("jwt", {"nonce": "n"}), (None, {})],
    "aws": [("jwt", {"aud": ["sessiond", "other"]}), ("at+jwt", {})],
    "oidc": [("at+jwt", {}), ("jwt", {"events": {}})],
}


KEY = SigningKey(generate_private_key(SECP256R1()))


def document(**changes: Any) -> dict[str, Any]:
    return {
        "store": {"url": "embedded:/tmp/s"},
        "issuers": [{"issuer": "https://id.example", "audiences": ["api"]}],
        "workload_issuers": [{"issuer": CLUSTER, "audience": "sessiond"}],
        "callers": [{"name": "orders", "groups": ["validate"], "workloads": [SUBJECT]}],
    } | changes


def read(**changes: Any) -> Settings:
    return read_settings(document(**changes), environment={}, insecure_plaintext=False)


def mistakes(**changes: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(**changes)
    return [problem.path for problem in refused.value.problems]


def caller(name: str = "orders", **more: Any) -> dict[str, Any]:
    return {"name": name, "groups": ["validate"], "workloads": [SUBJECT]} | more


def issuer(name: str = CLUSTER, **more: Any) -> dict[str, Any]:
    return {"issuer": name, "audience": "sessiond"} | more


@pytest.mark.parametrize("preset", WORKLOAD_PRESETS)
def test_keys_of_a_spiffe_bundle_are_taken_of_it_alone(preset: str) -> None:
    """SPIFFE Trust Domain and Bundle, 4.2: `use` says for which kind of SVID a key is."""
    table = issuer(preset=preset, jwks_url="https://spire.example/bundle", algorithms=["ES256"])
    policy = to_workload_policy(read(workload_issuers=[table]).workload_issuers[0])
    keys = [{**KEY.jwk, "kid": use, "use": use} for use in ("jwt-svid", "x509-svid", "sig")]
    bundle = {"keys": keys, "spiffe_sequence": 1, "spiffe_refresh_hint": 300}
    found = key_set_reader(policy, logger=SilentLogger())(json.dumps(bundle).encode())
    assert set(found or ()) == ({"jwt-svid", "sig"} if preset == "spiffe" else {"sig"})


def test_a_caller_may_be_known_by_its_workload_alone() -> None:
    settings = read()
    assert settings.callers[0].key_files == ()
    assert settings.workload_issuers_of(settings.callers[0]) == (CLUSTER,)
    assert settings.anonymous == frozenset()


def test_with_several_issuers_a_caller_says_whose_its_workloads_are() -> None:
    both = [issuer(), issuer(OTHER)]
    settings = read(workload_issuers=both, callers=[caller(workload_issuers=[OTHER])])
    assert settings.workload_issuers_of(settings.callers[0]) == (OTHER,)
    assert mistakes(workload_issuers=both) == ["callers[0].workload_issuers"]


def test_equal_names_at_two_issuers_may_be_two_callers() -> None:
    both = [issuer(), issuer(OTHER)]
    read(
        workload_issuers=both,
        callers=[caller("a", workload_issuers=[CLUSTER]), caller("b", workload_issuers=[OTHER])],
    )
    twice = [caller("a", workload_issuers=[CLUSTER]), caller("b", workload_issuers=[CLUSTER, OTHER])]
    assert mistakes(workload_issuers=both, callers=twice) == ["callers"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"workload_issuers": []}, "callers[0].workloads"),
        ({"callers": [caller(workload_issuers=[OTHER])]}, "callers[0].workload_issuers"),
        ({"callers": [caller(workload_issuers=[])]}, "callers[0].workload_issuers"),
        (
            {"callers": [caller(workloads=[], key_files=[__file__], workload_issuers=[CLUSTER])]},
            "callers[0].workload_issuers",
        ),
        ({"callers": [caller(workloads=[])]}, "callers[0].key_files"),
        ({"callers": [caller(workloads=["a b"], key_files=[__file__])]}, "callers[0].workloads"),
        ({"workload_issuers": {}, "callers": []}, "workload_issuers"),
        ({"workload_issuers": [issuer(), issuer(audience="other")]}, "workload_issuers"),
        ({"workload_issuers": [issuer(preset="k8s")]}, "workload_issuers[0].preset"),
        ({"workload_issuers": [issuer(audiences=["a"])]}, "workload_issuers[0].audiences"),
        ({"workload_issuers": [{"issuer": CLUSTER}]}, "workload_issuers[0].audience"),
        ({"workload_issuers": [issuer(audience=["a", "b"])]}, "workload_issuers[0].audience"),
        ({"workload_issuers": [issuer(discovery=False)]}, "workload_issuers[0].jwks_url"),
        ({"workload_issuers": [issuer(jwks_url="http://x.example/k")]}, "workload_issuers[0].jwks_url"),
        ({"workload_issuers": [issuer("http://cluster.example")]}, "workload_issuers[0].issuer"),
        ({"workload_issuers": [issuer(token_file=__file__)]}, "workload_issuers[0].ca_file"),
        ({"workload_issuers": [issuer(ca_file="/nowhere")]}, "workload_issuers[0].ca_file"),
        ({"workload_issuers": [issuer(algorithms=["HS256"])]}, "workload_issuers[0].algorithms"),
        (
            {"workload_issuers": [issuer("https://id.example", audience="api")]},
            "workload_issuers[0].audience",
        ),
    ],
)
def test_each_mistake_is_one_problem_with_its_path(changes: dict[str, Any], path: str) -> None:
    assert mistakes(**changes) == [path]


def test_end_users_and_workloads_may_share_an_issuer_and_no_audience() -> None:
    assert read(workload_issuers=[issuer("https://id.example")])
    named = {"issuer": "https://id.example", "audiences": ["api", "sessiond"]}
    assert mistakes(issuers=[named], workload_issuers=[issuer("https://id.example")]) == [
        "workload_issuers[0].audience"
    ]


def test_a_name_that_is_no_address_may_have_its_keys_at_one() -> None:
    assert read(workload_issuers=[issuer("kubernetes/serviceaccount", jwks_url="https://x.example/k")])


def judged(preset: str, token_type: str | None, changes: dict[str, Any]) -> str | None:
    """Why the sample of a preset is rejected, by everything but its key."""
    name, _, algorithm, claims = SAMPLES[preset]
    settings = read(workload_issuers=[issuer(name, preset=preset)]).workload_issuers[0]
    times = {} if preset == "spiffe" else TIMES
    payload = {"iss": name, **times, **claims, **changes}
    policy = to_workload_policy(settings)
    parsed = ParsedToken(algorithm, "k", token_type, payload, "", b"", b"")
    facts = TokenFacts(0, 1, NO_REQUIREMENTS, parsed, policy)
    for check in CHECKS_WITHOUT_A_KEY:
        rejected = check.judge(facts)
        if rejected:
            return rejected.reason.name
    asked = call_facts(facts.claims, policy, now=NOW)
    found = (check.judge(asked) for check in CHECKS_OF_THE_MOMENT)
    return next((rejected.reason.name for rejected in found if rejected), None)


def test_every_preset_has_a_sample() -> None:
    assert set(SAMPLES) == set(OTHERS) == set(WORKLOAD_PRESETS)


@pytest.mark.parametrize("preset", SAMPLES)
def test_a_token_as_documented_is_accepted(preset: str) -> None:
    assert judged(preset, SAMPLES[preset][1], {}) is None
    assert judged(preset, SAMPLES[preset][1], {"aud": "other"}) == "AUDIENCE_MISMATCH"


@pytest.mark.parametrize(
    ("preset", "token_type", "changes"),
    [(preset, token_type, changes) for preset, others in OTHERS.items() for token_type, changes in others],
)
def test_other_tokens_of_the_issuer_are_not(
    preset: str, token_type: str | None, changes: dict[str, Any]
) -> None:
    assert judged(preset, token_type, changes) is not None


def test_google_needs_no_address_and_any_key_overrides_a_preset() -> None:
    (google,) = read(workload_issuers=[{"preset": "google", "audience": "sessiond"}]).workload_issuers
    assert google.issuer == "https://accounts.google.com"
    two_hours = issuer(preset="kubernetes", max_token_lifetime="2h")
    (cluster,) = read(workload_issuers=[two_hours]).workload_issuers
    assert (cluster.token_types, cluster.max_token_lifetime) == (("absent",), timedelta(hours=2))
