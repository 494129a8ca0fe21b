"""The fingerprint of the settings: equal where servers judge alike, and another one where they do not."""

from __future__ import annotations

import dataclasses
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.config.fingerprint import NOT_COUNTED, fingerprint
from sessiond_server.config.reader import read_settings
from tests.support.config import key_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    for name in ("one", "other", "secret"):
        key_file(tmp_path / name)
    return {
        "store": {"url": "embedded:x"},
        "issuers": [
            {
                "issuer": "https://id.example",
                "audiences": ["api", "web"],
                "client_id": "c",
                "client_secret_file": str(tmp_path / "secret"),
                "algorithms": ["ES256", "EdDSA"],
                "claims": {"client": ["client_id", "azp"]},
            },
            {
                "issuer": "https://other.example",
                "audiences": ["api"],
                "jwks_url": "https://other.example/k",
                "claims": {"tenant": "org"},
                "tenants": ["a"],
            },
        ],
        "workload_issuers": [
            {"issuer": "https://cluster.example", "audience": "sessiond", "algorithms": ["ES256", "RS256"]},
            {"issuer": "https://other-cluster.example", "audience": "sessiond"},
        ],
        "callers": [
            {
                "name": "orders",
                "groups": ["validate", "watch"],
                "key_files": [str(tmp_path / "one")],
                "workloads": ["a", "b"],
                "workload_issuers": ["https://cluster.example"],
            },
            {"name": "web", "groups": ["session"], "key_files": [str(tmp_path / "other")]},
        ],
    }


def of(document: dict[str, Any]) -> str:
    return fingerprint(read_settings(document, environment={}, insecure_plaintext=False))


def changed(document: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """A copy in which what is at `path` is something else."""
    copy = deepcopy(document)
    at = copy
    for step in path[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    at[path[-1]] = to
    return copy


def test_it_tells_nothing_of_the_settings(document: dict[str, Any]) -> None:
    assert len(of(document)) == 22
    assert of(document) == of(deepcopy(document))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("issuers", 0, "audiences"), ["web", "api"]),
        (("issuers", 0, "algorithms"), ["Ed25519", "ES256"]),
        (("issuers", 0, "idle"), "1d"),
        (("issuers", 1, "tenant_lifetimes"), [{"tenant": "a", "idle": "1d"}]),
        (("issuers", 0, "refresh_ahead"), "90s"),
        (("issuers", 0, "token_url"), "https://id.example/t"),
        (("callers", 0, "groups"), ["watch", "validate"]),
        (("store", "url"), "embedded:y"),
        (("server", "listen"), "127.0.0.1:1"),
        (("revocation", "poll"), "50ms"),
        (("callers", 0, "workloads"), ["b", "a"]),
        (("workload_issuers", 0, "algorithms"), ["RS256", "ES256"]),
        (("workload_issuers", 0, "allowed_networks"), ["10.0.0.0/8"]),
    ],
)
def test_what_no_verdict_depends_on_does_not_count(
    document: dict[str, Any], path: tuple[Any, ...], to: Any
) -> None:
    assert of(changed(document, *path, to=to)) == of(document)


def test_order_and_files_do_not_count(document: dict[str, Any], tmp_path: Path) -> None:
    key_file(tmp_path / "third")
    other = changed(document, "callers", 0, "key_files", to=[str(tmp_path / "third")])
    other["issuers"].reverse()
    other["callers"].reverse()
    other["workload_issuers"].reverse()
    assert of(other) == of(document)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("issuers", 0, "issuer"), "https://id2.example"),
        (("issuers", 0, "audiences"), ["api"]),
        (("issuers", 0, "algorithms"), ["ES256"]),
        (("issuers", 0, "leeway"), "31s"),
        (("issuers", 0, "max_stale"), "13h"),
        (("issuers", 0, "tenants"), []),
        (("issuers", 0, "claims", "client"), ["azp", "client_id"]),
        (("issuers", 0, "claims", "scopes"), ["scp"]),
        (("issuers", 0, "token_types"), ["at+jwt", "jwt"]),
        (("issuers", 1, "jwks_url"), "https://other.example/k2"),
        (("callers", 0, "name"), "orders2"),
        (("callers", 0, "groups"), ["watch"]),
        (("callers", 0, "issuers"), ["https://id.example"]),
        (("callers", 0, "client_ids"), []),
        (("callers", 0, "workloads"), ["a"]),
        (("callers", 0, "workload_issuers"), ["https://other-cluster.example"]),
        (("workload_issuers", 1, "issuer"), "https://cluster2.example"),
        (("workload_issuers", 0, "audience"), "sessiond2"),
        (("workload_issuers", 0, "algorithms"), ["ES256"]),
        (("workload_issuers", 0, "max_token_lifetime"), "2h"),
        (("workload_issuers", 0, "jwks_url"), "https://cluster.example/keys"),
        (("server", "anonymous"), ["validate"]),
        (("server", "max_token_bytes"), 4096),
    ],
)
def test_what_a_verdict_depends_on_counts(document: dict[str, Any], path: tuple[Any, ...], to: Any) -> None:
    assert of(changed(document, *path, to=to)) != of(document)


@pytest.mark.parametrize("settings", NOT_COUNTED)
def test_what_does_not_count_is_a_setting(settings: type) -> None:
    assert NOT_COUNTED[settings] <= {one.name for one in dataclasses.fields(settings)}


@pytest.mark.parametrize("settings", NOT_COUNTED)
def test_where_files_are_never_counts(settings: type) -> None:
    files = {one.name for one in dataclasses.fields(settings) if one.name.endswith(("_file", "_files"))}
    assert files <= NOT_COUNTED[settings]
