"""What all runs of the model share: a store, a provider, and the configurations of two servers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.jwt.local_issuer import create_signing_key
from sessiond_server.app.secrets import load_secrets
from sessiond_server.config.reader import read_file
from sessiond_server.domain.refresh_token import Peppers
from tests.support.config import Config, key_file, scalekit
from tests.support.fakes import SilentLogger
from tests.support.idp import Idp, running_idp
from tests.support.session_model.families import Terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond_server.config.settings import Settings

LOCAL_ISSUER = "https://sessions.example"
LOCAL_CLIENT = "web"
# Short, so that runs come to their ends; longer than any window that outages prolong.
TERMS = Terms(grace=10_000, idle=600_000, absolute=1_800_000)
CALLERS = ("one", "two")
GROUPS = ["validate", "session", "mint", "revoke", "revoke_bulk", "read", "adopt"]


@dataclass(frozen=True)
class Stage:
    """`keys` are those of the callers; the servers have the same peppers, of which each uses another one."""

    url: str
    idp: Idp
    settings: tuple[Settings, ...]
    keys: dict[str, str]
    peppers: Peppers


@asynccontextmanager
async def running_stage(directory: Path) -> AsyncIterator[Stage]:
    """Start the store and the provider, for as long as the context lasts."""
    directory.chmod(0o700)
    async with (
        embedded_store(directory / "store", logger=SilentLogger()) as store,
        running_idp(directory / "idp.json") as idp,
    ):
        url = f"unix://{store.socket_path}"
        config = Config(directory)
        keys = {name: config.caller(name, GROUPS) for name in CALLERS}
        for name in ("pepper-1", "pepper-2", "seal"):
            key_file(directory / name)
        signing = directory / "signing"
        signing.write_bytes(create_signing_key())
        signing.chmod(0o600)
        local = {"issuer": LOCAL_ISSUER, "preset": "local", "audiences": [LOCAL_CLIENT]}
        config.issuers = [
            local | {"signing_key_files": [str(signing)]},
            scalekit(idp.issuer, directory, adopt=True, tenants=["org_1"]),
        ]
        settings = tuple(
            _settings(config, url, order) for order in (("pepper-1", "pepper-2"), ("pepper-2", "pepper-1"))
        )
        secrets = load_secrets(settings[0], directory=None, logger=SilentLogger())
        yield Stage(url, idp, settings, keys, Peppers(secrets.peppers))


def _settings(config: Config, url: str, peppers: tuple[str, ...]) -> Settings:
    config.tables = {
        "store": {"url": url, "on_store_loss": "accept"},
        "sessions": {
            "grace": f"{TERMS.grace // 1000}s",
            "idle": f"{TERMS.idle // 1000}s",
            "absolute": f"{TERMS.absolute // 1000}s",
        },
        "keys": {
            "pepper_files": [str(config.directory / name) for name in peppers],
            "sealing_files": [str(config.directory / "seal")],
        },
    }
    return read_file(config.write(), environment={}, insecure_plaintext=False)
