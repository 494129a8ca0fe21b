"""A local issuer whose sessions are in a store that is not embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.jwt.local_issuer import create_signing_key
from tests.support.config import Config, key_file

if TYPE_CHECKING:
    from pathlib import Path


def on_store(directory: Path, url: str, **store: Any) -> Config:
    """A configuration with a local issuer, whose store is at this URL; `store` are its other settings."""
    directory.chmod(0o700)
    config = Config(directory)
    for name in ("pepper", "seal"):
        key_file(directory / name)
    signing = directory / "signing"
    signing.write_bytes(create_signing_key())
    signing.chmod(0o600)
    config.tables = {
        "server": {"anonymous": ["validate", "session", "mint"]},
        "store": {"url": url, "accept_risks": ["no_persistence"], **store},
        "keys": {"pepper_files": [str(directory / "pepper")], "sealing_files": [str(directory / "seal")]},
    }
    issuer = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
    config.issuers = [issuer | {"signing_key_files": [str(signing)]}]
    return config
