"""What is known of kinds of issuers: tables that stand below what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_preset(table: Mapping[str, Any], *, environment: Mapping[str, str]) -> dict[str, Any]:
    """The table of an issuer with its preset below it; an unknown preset is left for the reader to refuse."""
    preset = table.get("preset", "oidc")
    below = _scalekit(table, environment) if preset == "scalekit" else _local() if preset == "local" else {}
    merged = {**below, **table}
    if isinstance(table.get("claims"), dict):
        merged["claims"] = {**below.get("claims", {}), **table["claims"]}
    return merged


def _scalekit(table: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Scalekit, after its documentation of sessions and the sources of its SDKs.

    Its key set is at `/keys`, its token endpoint at `/oauth/token`. Access tokens are RS256 with `oid` as the tenant; scopes come
    as `scope`, for machines as the array `scopes`; a `typ` is not documented. The environment names are those of its samples.
    """
    issuer = table.get("issuer") or environment.get("SCALEKIT_ENVIRONMENT_URL") or environment.get("SCALEKIT_ENV_URL")
    client_id = table.get("client_id") or environment.get("SCALEKIT_CLIENT_ID")
    known: dict[str, Any] = {
        "algorithms": ["RS256"],
        "discovery": False,
        "token_types": ["at+jwt", "jwt", "absent"],
        "required_claims": ["iss", "sub", "aud", "exp", "iat", "jti"],
        # A person's token lives about five minutes, a machine's up to 24 hours.
        "max_token_lifetime": "24h",
        "claims": {"tenant": "oid", "scopes": ["scope", "scopes"]},
    }
    if isinstance(issuer, str):
        known |= {"issuer": issuer, "jwks_url": f"{issuer}/keys"}
    if isinstance(client_id, str):
        known |= {"client_id": client_id, "audiences": [client_id], "token_url": f"{issuer}/oauth/token"}
    return known


def _local() -> dict[str, Any]:
    """Sessiond itself: it knows its own keys and its own clock."""
    return {"discovery": False, "leeway": "0s", "claims": {"tenant": "tenant_id"}}
