"""What is known of each kind of issuer: tables of settings, which the file's own settings override.

Where a provider does not send the `typ` of RFC 9068, the type is waived, and tokens that are no access tokens
are told by their claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Table: TypeAlias = dict[str, Any]


def with_preset(table: Mapping[str, Any], *, environment: Mapping[str, str]) -> Table:
    """The table of an issuer, over that of its preset; an unknown preset is left for the reader to refuse."""
    preset = table.get("preset", "oidc")
    make = PRESETS.get(preset) if isinstance(preset, str) else None
    below = make(table, environment) if make else {}
    if table.get("rotation", below.get("rotation")) != below.get("rotation"):
        # What is known of another rotation says nothing of this one.
        below = {name: value for name, value in below.items() if not name.startswith("rotation")}
    merged = {**below, **table}
    if isinstance(table.get("claims"), dict):
        merged["claims"] = {**below.get("claims", {}), **table["claims"]}
    return merged


def _scalekit(table: Mapping[str, Any], environment: Mapping[str, str]) -> Table:
    """Scalekit, after its documentation of sessions and the sources of its SDKs.

    Its key set is at `/keys`, its token endpoint at `/oauth/token`. Access tokens are RS256 with `oid` as the
    tenant; scopes come as `scope`, for machines as the array `scopes`; a `typ` is not documented. The
    environment names are those of its samples. A refresh token is good once: "Replaying a used refresh token
    will result in an error", without a grace.
    """
    issuer = (
        table.get("issuer")
        or environment.get("SCALEKIT_ENVIRONMENT_URL")
        or environment.get("SCALEKIT_ENV_URL")
    )
    client_id = table.get("client_id") or environment.get("SCALEKIT_CLIENT_ID")
    known: Table = {
        "algorithms": ["RS256"],
        "discovery": False,
        "token_types": ["at+jwt", "jwt", "absent"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "jti"],
        # A person's token lives about five minutes, a machine's up to 24 hours.
        "max_token_lifetime": "24h",
        "claims": {"tenant": "oid", "scopes": ["scope", "scopes"]},
        "rotation": "rotating",
    }
    if isinstance(issuer, str):
        known |= {"issuer": issuer, "jwks_url": f"{issuer}/keys"}
    if isinstance(client_id, str):
        known |= {"client_id": client_id, "audiences": [client_id], "token_url": f"{issuer}/oauth/token"}
    return known


def _auth0(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Auth0, after its documentation of access token profiles.

    The issuer ends with a slash. Its own profile sends `typ` JWT, `azp` and no `jti`; the RFC 9068 profile
    sends `at+jwt`, `client_id` and `jti`. Only with the latter can sessions be held: a token without `jti`
    and `sid` cannot be revoked by itself.

    Rotation is set for each application ("Configure Refresh Token Rotation"), with an overlap of 0 seconds
    unless another is entered; a second presentation behind that ends the family. Without rotation a refresh
    brings no refresh token.
    """
    return {
        "rotation": "rotating",
        "algorithms": ["PS256", "RS256"],
        "token_types": ["at+jwt", "jwt"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat"],
        "claims": {"tenant": "org_id"},
    }


def _okta(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Okta's custom authorization servers, after its API reference.

    Access tokens name the client as `cid`, and scopes as the array `scp`; the header has no `typ`. Access
    tokens of the org authorization server are for Okta alone, and have a `typ` that is not accepted here. An
    assertion of a client is for "the full URL of the resource you're using the JWT to authenticate to", says
    its guide on building one.

    Rotation is set for each application ("Refresh token rotation"): the previous token "remains valid for the
    configured amount of time", 30 seconds unless set otherwise, and behind that a second presentation ends
    also "all access tokens issued since the user authenticated". Without rotation a refresh brings no refresh
    token.
    """
    return {
        "rotation": "rotating",
        "rotation_grace": "30s",
        "rotation_collateral": "more",
        "client_key_audience": "endpoint",
        "algorithms": ["RS256"],
        "token_types": ["at+jwt", "absent"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "jti", "cid"],
        "claims": {"client": ["cid"], "scopes": ["scp"], "roles": ["groups"]},
    }


def _keycloak(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Keycloak, after its server administration guide.

    The header's `typ` is JWT for all its tokens; the claim `typ` is Bearer for access tokens. Realm roles are
    nested. An audience is there only where a client scope maps one. A realm signs with RS256 until its
    administrator adds a key provider, which may be of any algorithm of RSA, ECDSA or EdDSA.

    Each refresh brings another refresh token. The one before stays good, unless the realm's "Revoke Refresh
    Token" is on, which it is not at first.
    """
    return {
        "rotation": "renewing",
        "algorithms": [
            "ES256",
            "ES384",
            "ES512",
            "Ed25519",
            "PS256",
            "PS384",
            "PS512",
            "RS256",
            "RS384",
            "RS512",
        ],
        "token_types": ["at+jwt", "jwt"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "jti", "typ", "azp"],
        "claims": {"client": ["azp"], "roles": ["/realm_access/roles"], "permissions": []},
    }


def _hydra(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Ory Hydra 2, after its documentation of JWT access tokens and its source.

    Its access tokens are opaque unless `strategies.access_token` is `jwt`. The header's `typ` is JWT for all
    its tokens, or absent. Scopes are the array `scp`, or the string `scope` where the setting
    `strategies.jwt.scope_claim` says so; what the consent added is below `ext`. There is an audience only
    where the client asked for one that it may have. Clients show who they are by a header, unless they are
    registered otherwise. Whichever endpoint is asked, an assertion is for the token endpoint (fosite,
    `client_authentication.go`).

    A refresh token is good once, and a second presentation ends the chain, unless a grace is configured
    (`rotation_grace_period`, "omit this line to disable").
    """
    return {
        "rotation": "rotating",
        "algorithms": ["RS256"],
        "client_key_audience": "token_endpoint",
        "client_auth": "basic",
        "token_types": ["at+jwt", "jwt", "absent"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"],
        "claims": {"client": ["client_id"], "scopes": ["scp", "scope"], "permissions": [], "roles": []},
    }


def _cognito(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Amazon Cognito user pools, after the developer guide.

    An access token has `token_use` access, no `aud` and no `typ`: it is for the app client that `client_id`
    names. All tokens of one login share their `origin_jti`.

    Without the rotation of an app client, "token refresh issues only ID and access tokens"; with it, a grace
    of up to 60 seconds may be set (RefreshTokenRotationType).
    """
    return {
        "rotation": "static",
        "algorithms": ["RS256"],
        "token_types": ["absent"],
        "required_claims": ["iss", "sub", "exp", "iat", "jti", "client_id", "token_use"],
        "claims": {
            "audience": "client_id",
            "session": "origin_jti",
            "roles": ["cognito:groups"],
            "permissions": [],
        },
    }


def _entra(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Microsoft Entra ID, version 2.0 tokens, after the access token claims reference.

    The header's `typ` is always JWT. The tenant is `tid`, delegated scopes are the string `scp`, the client
    is `azp`, and the token's id is `uti`. An assertion of a client is for the token endpoint, should be
    signed with PS256, and names its certificate by a hash, as the page on certificate credentials says.

    "Refresh tokens replace themselves with a fresh token upon every use. The Microsoft identity platform
    doesn't revoke old refresh tokens when used to fetch new access tokens" (Refresh tokens in the Microsoft
    identity platform).
    """
    return {
        "rotation": "renewing",
        "algorithms": ["RS256"],
        "client_key_audience": "token_endpoint",
        "client_key_algorithm": "PS256",
        "token_types": ["jwt"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "tid", "azp"],
        "claims": {
            "token_id": "uti",
            "client": ["azp"],
            "tenant": "tid",
            "scopes": ["scp"],
            "permissions": [],
        },
    }


def _oidc(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Any issuer that follows RFC 9068 and publishes a discovery document: the defaults of the settings."""
    return {}


def _local(_table: Mapping[str, Any], _environment: Mapping[str, str]) -> Table:
    """Sessiond itself: it knows its own keys and its own clock."""
    return {"discovery": False, "leeway": "0s", "claims": {"tenant": "tenant_id"}}


PRESETS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Table]]] = MappingProxyType(
    {
        "scalekit": _scalekit,
        "auth0": _auth0,
        "okta": _okta,
        "keycloak": _keycloak,
        "hydra": _hydra,
        "cognito": _cognito,
        "entra": _entra,
        "oidc": _oidc,
        "local": _local,
    }
)
