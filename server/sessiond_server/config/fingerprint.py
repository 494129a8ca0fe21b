"""The fingerprint of the settings that verdicts depend on: equal on servers that are configured alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sessiond_server.config.settings import CallerSettings, ClaimSettings, IssuerSettings, Settings
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.policy import canonical_algorithm

# What no verdict depends on. A setting that is not here counts: to forget one here costs callers what they
# keep when it changes, and to have one too many here would have them keep what is wrong.
NOT_COUNTED: Final[Mapping[type, frozenset[str]]] = {
    IssuerSettings: frozenset(
        {
            "preset",
            "client_secret_file",
            "client_auth",
            "client_key_file",
            "client_key_id",
            "client_key_algorithm",
            "client_key_audience",
            "clients",
            "redirect_uris",
            "token_url",
            "revocation_url",
            "idle",
            "absolute",
            "grace",
            "tenant_lifetimes",
            "reuse_access_token_above",
            "rotation",
            "rotation_grace",
            "rotation_collateral",
            "refresh_ahead",
            "in_doubt",
            "adopt",
            "allow_http",
            "allowed_networks",
            "signing_key_files",
        }
    ),
    CallerSettings: frozenset({"key_files", "identities"}),
    WorkloadIssuerSettings: frozenset({"preset", "ca_file", "token_file", "allow_http", "allowed_networks"}),
    ClaimSettings: frozenset(),
}
_BYTES: Final = 16


def fingerprint(settings: Settings) -> str:
    """22 characters that say which issuers and callers there are, and what is required of their tokens.

    Those of workloads are among them: which workload is which caller, and by whose word.

    Neither the order in which things are listed counts, where it means nothing, nor where files are.
    """
    canonical = {
        "issuers": _in_any_order(map(_of_an_issuer, settings.issuers)),
        "callers": _in_any_order(map(_plain, settings.callers)),
        "workload_issuers": _in_any_order(map(_of_a_workload_issuer, settings.workload_issuers)),
        "anonymous": _in_any_order(settings.anonymous),
        "max_token_bytes": settings.server.max_token_bytes,
    }
    digest = hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).digest()
    return to_base64url(digest[:_BYTES])


def _of_an_issuer(issuer: IssuerSettings) -> dict[str, Any]:
    # Of several names of the client the first that a token has counts.
    plain: dict[str, Any] = _plain(issuer)
    return plain | {"algorithms": _algorithms(issuer), "client_claims": list(issuer.claims.client)}


def _of_a_workload_issuer(issuer: WorkloadIssuerSettings) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(issuer)
    return plain | {"algorithms": _algorithms(issuer)}


def _algorithms(issuer: IssuerSettings | WorkloadIssuerSettings) -> list[str]:
    return _in_any_order(set(map(canonical_algorithm, issuer.algorithms)))


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if is_dataclass(value):
        names = (one.name for one in fields(value) if one.name not in NOT_COUNTED[type(value)])
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return _in_any_order(map(_plain, value))
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        raise TypeError("where a file is says nothing of what is in it")
    return value


def _in_any_order(values: Any) -> list[Any]:
    return sorted(values, key=lambda one: json.dumps(one, sort_keys=True))
