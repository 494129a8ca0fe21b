"""Configurations as files, with the keys that they name."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.idp import CLIENT_ID, CLIENT_SECRET, OTHER_CLIENT_ID, OTHER_CLIENT_SECRET, REDIRECT_URI

if TYPE_CHECKING:
    from pathlib import Path


def key_file(path: Path) -> str:
    """A new key in `path`; its text."""
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    path.write_text(text + "\n")
    path.chmod(0o600)
    return text


def client_secret_file(directory: Path) -> Path:
    """The file with our secret at the test provider."""
    secret = directory / "client-secret"
    secret.write_text(CLIENT_SECRET)
    secret.chmod(0o600)
    return secret


def scalekit(issuer: str, directory: Path, **overrides: Any) -> dict[str, Any]:
    """The table of the test provider."""
    secret = client_secret_file(directory)
    return {
        "issuer": issuer,
        "preset": "scalekit",
        "client_id": CLIENT_ID,
        "audiences": [CLIENT_ID],
        "client_secret_file": str(secret),
        "revocation_url": f"{issuer}/oauth/revoke",
        "redirect_uris": [REDIRECT_URI],
        "reuse_access_token_above": "0s",
        "allow_http": True,
    } | overrides


def other_client(directory: Path) -> dict[str, str]:
    """The table of the test provider's other client."""
    secret = directory / "other-client-secret"
    secret.write_text(OTHER_CLIENT_SECRET)
    return {"client_id": OTHER_CLIENT_ID, "client_secret_file": str(secret)}


@dataclass
class Config:
    """A configuration on an embedded store in `directory`; `write` makes it a file."""

    directory: Path
    tables: dict[str, Any] = field(default_factory=dict)
    issuers: list[dict[str, Any]] = field(default_factory=list)
    callers: list[dict[str, Any]] = field(default_factory=list)
    workload_issuers: list[dict[str, Any]] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.directory / "d"

    def caller(self, name: str, groups: list[str], **more: Any) -> str:
        """Configure a caller with a new key; the key."""
        path = self.directory / f"{name}.key"
        key = key_file(path)
        self.callers.append({"name": name, "groups": groups, "key_files": [str(path)], **more})
        return key

    def write(self, name: str = "sessiond.toml") -> Path:
        tables: dict[str, Any] = {
            "server": {"listen": "127.0.0.1:0", "http": "127.0.0.1:0", "drain_delay": "0s"},
            "store": {"url": f"embedded:{self.data}"},
        }
        for section, values in self.tables.items():
            tables[section] = tables.get(section, {}) | values
        lines = [line for section, values in tables.items() for line in (f"[{section}]", *_lines(values))]
        lists = {
            "issuers": self.issuers,
            "callers": self.callers,
            "workload_issuers": self.workload_issuers,
            "limits": self.limits,
        }
        for section, entries in lists.items():
            lines += [line for values in entries for line in (f"[[{section}]]", *_lines(values))]
        path = self.directory / name
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return path


def _lines(values: dict[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in values.items()]


def _value(value: Any) -> str:
    """TOML's own notation; it shares strings, numbers, booleans and arrays with JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(_lines(value)) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
