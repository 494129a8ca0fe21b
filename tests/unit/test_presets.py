"""Each preset accepts its provider's access tokens as documented, and nothing else of that provider's."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.app.issuers import to_policy
from sessiond_server.config.presets import PRESETS
from sessiond_server.config.reader import read_settings
from sessiond_server.domain.checks import judge_audience, judge_lifetime, judge_type
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS, IssuerPolicy
from sessiond_server.domain.token import ParsedToken
from tests.support.facts import call_facts, token_facts

TIMES = {"iat": 1_700_000_000, "exp": 1_700_000_299}
# By preset: issuer, audience, `typ` of the header, claims of an access token, what must be read from them.
SAMPLES: dict[str, tuple[str, str, str | None, dict[str, Any], dict[str, Any]]] = {
    "scalekit": (
        "https://acme.scalekit.com",
        "skc_1",
        None,
        {
            "aud": ["skc_1"],
            "sub": "usr_1",
            "oid": "org_1",
            "jti": "tkn_1",
            "sid": "ses_1",
            "client_id": "skc_1",
            "roles": ["member"],
            "permissions": ["orders:read"],
            "scope": "openid orders",
        },
        {
            "tenant_id": "org_1",
            "provider_session_id": "ses_1",
            "client_id": "skc_1",
            "scopes": ("openid", "orders"),
            "roles": ("member",),
            "permissions": ("orders:read",),
        },
    ),
    "auth0": (
        "https://acme.eu.auth0.com/",
        "https://api.acme.com",
        "jwt",
        {
            "aud": ["https://api.acme.com", "https://acme.eu.auth0.com/userinfo"],
            "sub": "auth0|1",
            "azp": "app_1",
            "scope": "openid read:orders",
            "org_id": "org_1",
            "permissions": ["read:orders"],
        },
        {"client_id": "app_1", "tenant_id": "org_1", "permissions": ("read:orders",), "token_id": None},
    ),
    "okta": (
        "https://acme.okta.com/oauth2/default",
        "api://default",
        None,
        {
            "aud": "api://default",
            "sub": "alice@acme.com",
            "cid": "0oa1",
            "uid": "00u1",
            "jti": "AT.1",
            "scp": ["openid", "orders"],
            "groups": ["Everyone"],
            "ver": 1,
        },
        {"client_id": "0oa1", "scopes": ("openid", "orders"), "roles": ("Everyone",), "token_id": "AT.1"},
    ),
    "keycloak": (
        "https://id.acme.com/realms/acme",
        "orders",
        "jwt",
        {
            "aud": ["orders", "account"],
            "sub": "f:1",
            "typ": "Bearer",
            "azp": "web",
            "jti": "1",
            "sid": "s-1",
            "scope": "openid profile",
            "realm_access": {"roles": ["member"]},
            "resource_access": {"account": {"roles": ["view-profile"]}},
        },
        {"client_id": "web", "roles": ("member",), "provider_session_id": "s-1", "permissions": ()},
    ),
    "hydra": (
        "https://hydra.acme.com",
        "https://api.acme.com",
        "jwt",
        {
            "aud": ["https://api.acme.com"],
            "sub": "alice",
            "client_id": "5f8c2f6e",
            "jti": "1",
            "nbf": 1_700_000_000,
            "scp": ["openid", "offline_access", "orders"],
            "ext": {"tenant": "acme"},
        },
        {"client_id": "5f8c2f6e", "scopes": ("openid", "offline_access", "orders"), "tenant_id": None},
    ),
    "cognito": (
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_1",
        "client_1",
        None,
        {
            "sub": "aaaa",
            "token_use": "access",
            "client_id": "client_1",
            "scope": "openid orders/read",
            "jti": "1",
            "origin_jti": "o-1",
            "cognito:groups": ["admins"],
            "username": "alice",
        },
        {
            "audiences": ("client_1",),
            "provider_session_id": "o-1",
            "roles": ("admins",),
            "client_id": "client_1",
        },
    ),
    "entra": (
        "https://login.microsoftonline.com/t1/v2.0",
        "11111111-api",
        "jwt",
        {
            "aud": "11111111-api",
            "sub": "pairwise",
            "tid": "t1",
            "azp": "22222222-web",
            "scp": "orders.read orders.write",
            "roles": ["Admin"],
            "uti": "u1",
            "oid": "object",
            "ver": "2.0",
        },
        {
            "tenant_id": "t1",
            "client_id": "22222222-web",
            "scopes": ("orders.read", "orders.write"),
            "token_id": "u1",
        },
    ),
    "oidc": (
        "https://id.example",
        "api",
        "at+jwt",
        {"aud": "api", "sub": "s", "client_id": "web", "jti": "1", "scope": "x"},
        {"client_id": "web", "scopes": ("x",)},
    ),
}
# By preset: what makes an ID token, or another token of that provider, of its access token.
OTHERS: dict[str, list[tuple[str | None, dict[str, Any]]]] = {
    "scalekit": [(None, {"at_hash": "h"}), (None, {"nonce": "n"}), ("logout+jwt", {})],
    "auth0": [("jwt", {"nonce": "n"}), (None, {}), ("jwt", {"azp": None, "scope": None})],
    "okta": [(None, {"at_hash": "h"}), ("okta-internal-at+jwt", {}), (None, {"cid": None})],
    "keycloak": [
        ("jwt", {"typ": "ID"}),
        ("jwt", {"typ": "Refresh"}),
        ("jwt", {"typ": "Offline"}),
        ("jwt", {"typ": None}),
    ],
    "hydra": [
        ("jwt", {"at_hash": "h"}),
        ("jwt", {"nonce": "n"}),
        ("jwt", {"client_id": None}),
        ("logout+jwt", {}),
    ],
    "cognito": [(None, {"token_use": "id"}), (None, {"token_use": None}), ("jwt", {})],
    "entra": [("jwt", {"nonce": "n"}), (None, {}), ("jwt", {"azp": None})],
    "oidc": [("jwt", {}), (None, {}), ("at+jwt", {"client_id": None})],
}


def policy_of(preset: str) -> IssuerPolicy:
    issuer, audience, *_ = SAMPLES[preset]
    document = {
        "store": {"url": "embedded:x"},
        "issuers": [{"preset": preset, "issuer": issuer, "audiences": [audience]}],
    }
    (settings,) = read_settings(document, environment={}, insecure_plaintext=False).issuers
    return to_policy(settings, frozenset(settings.algorithms))


def judged(preset: str, token_type: str | None, changes: dict[str, Any]) -> Any:
    """The claims, or what rejects the token."""
    issuer, _, _, claims, _ = SAMPLES[preset]
    payload = {"iss": issuer, **TIMES, **claims, **changes}
    payload = {name: value for name, value in payload.items() if value is not None}
    token, policy = ParsedToken("RS256", "k", token_type, payload, "", b"", b""), policy_of(preset)
    facts = token_facts(token, policy)
    found = judge_type(facts) or facts.typed
    if not isinstance(found, Claims):
        return found
    return judge_lifetime(facts) or judge_audience(call_facts(found, policy)) or found


def test_every_preset_has_a_sample() -> None:
    assert set(SAMPLES) == set(OTHERS) == set(PRESETS) - {"local"}


@pytest.mark.parametrize("preset", SAMPLES)
def test_an_access_token_as_documented_is_accepted(preset: str) -> None:
    _, _, token_type, _, expected = SAMPLES[preset]
    claims = judged(preset, token_type, {})
    assert isinstance(claims, Claims), claims
    assert {name: getattr(claims, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("preset", "token_type", "changes"),
    [(preset, token_type, changes) for preset, others in OTHERS.items() for token_type, changes in others],
)
def test_other_tokens_of_the_provider_are_not(
    preset: str, token_type: str | None, changes: dict[str, Any]
) -> None:
    assert not isinstance(judged(preset, token_type, changes), Claims)


@pytest.mark.parametrize("preset", SAMPLES)
def test_another_audience_is_another_audience(preset: str) -> None:
    _, _, token_type, _, _ = SAMPLES[preset]
    name = policy_of(preset).claims.audience
    assert judged(preset, token_type, {name: "other"}).reason.name == "AUDIENCE_MISMATCH"


@pytest.mark.parametrize(
    ("realm_access", "roles"),
    [
        ({"roles": ["a"]}, ("a",)),
        ({}, ()),
        ("text", ()),
        (["roles"], ()),
        ({"roles": "a"}, None),
        ({"roles": [1]}, None),
    ],
)
def test_a_path_leads_into_objects_or_nowhere(realm_access: Any, roles: tuple[str, ...] | None) -> None:
    found = judged("keycloak", "jwt", {"realm_access": realm_access})
    assert (found.roles if isinstance(found, Claims) else None) == roles


def test_a_keycloak_realm_may_sign_with_any_key_that_its_providers_make() -> None:
    assert policy_of("keycloak").algorithms == SIGNATURE_ALGORITHMS


def test_hydras_scopes_may_be_a_string_and_its_clients_send_a_header() -> None:
    claims = judged("hydra", "jwt", {"scp": None, "scope": "openid orders"})
    assert claims.scopes == ("openid", "orders")
    document = {
        "store": {"url": "embedded:x"},
        "issuers": [{"preset": "hydra", "issuer": "https://h.example", "audiences": ["a"], "client_id": "c"}],
    }
    (settings,) = read_settings(document, environment={}, insecure_plaintext=False).issuers
    assert settings.client_auth == "basic"


def rotation_of(preset: str, **over: Any) -> tuple[str, float, str, str]:
    issuer = {"preset": preset, "issuer": "https://id.example", "audiences": ["a"], **over}
    document = {"store": {"url": "embedded:x"}, "issuers": [issuer]}
    (found,) = read_settings(document, environment={}, insecure_plaintext=False).issuers
    seconds = found.rotation_grace.total_seconds()
    return found.rotation, seconds, found.rotation_collateral, found.in_doubt


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("scalekit", ("rotating", 0, "family")),
        ("auth0", ("rotating", 0, "family")),
        ("okta", ("rotating", 30, "more")),
        ("keycloak", ("renewing", 0, "family")),
        ("hydra", ("rotating", 0, "family")),
        ("cognito", ("static", 0, "family")),
        ("entra", ("renewing", 0, "family")),
        ("oidc", ("rotating", 0, "family")),
    ],
)
def test_what_is_known_of_refresh_tokens_and_doubts_are_tried_again(
    preset: str, expected: tuple[str, float, str]
) -> None:
    assert rotation_of(preset) == (*expected, "retry")


def test_what_is_known_of_a_rotation_goes_with_it() -> None:
    assert rotation_of("okta", rotation="static") == ("static", 0, "family", "retry")
    assert rotation_of("okta", rotation_grace="10s") == ("rotating", 10, "more", "retry")
    assert rotation_of("keycloak", rotation="rotating", in_doubt="end") == ("rotating", 0, "family", "end")


@pytest.mark.parametrize(
    ("preset", "audience", "algorithm"),
    [
        ("okta", "endpoint", None),
        ("hydra", "token_endpoint", None),
        ("entra", "token_endpoint", "PS256"),
        ("keycloak", "issuer", None),
    ],
)
def test_what_is_known_of_assertions(preset: str, audience: str, algorithm: str | None) -> None:
    document = {
        "store": {"url": "embedded:x"},
        "issuers": [{"preset": preset, "issuer": "https://id.example", "audiences": ["a"]}],
    }
    (found,) = read_settings(document, environment={}, insecure_plaintext=False).issuers
    assert (found.client_key_audience, found.client_key_algorithm) == (audience, algorithm)
