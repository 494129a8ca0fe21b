"""The settings that `sessiond dev` runs with: one machine, no configuration."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Final

from sessiond_server.config.settings import (
    ClaimSettings,
    IssuerSettings,
    KeySettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import Group
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS

# The issuer is a name, not an address: tokens stay valid whatever the ports are.
DEV_ISSUER: Final = "http://sessiond.localhost"
DEV_CLIENT: Final = "sessiond-dev"


def dev_settings(
    *, listen: Address, http: Address, store_url: str, keys: KeySettings, signing_key_files: tuple[Path, ...]
) -> Settings:
    """Settings that open every method to any local caller, with one local issuer."""
    return Settings(
        server=ServerSettings(
            listen=listen,
            http=http,
            anonymous=tuple(Group),
            reflection=True,
            # Nobody balances load over it, and whoever stops it waits at a terminal.
            drain_delay=timedelta(0),
        ),
        store=StoreSettings(url=store_url),
        keys=keys,
        issuers=(
            IssuerSettings(
                issuer=DEV_ISSUER,
                preset="local",
                audiences=(DEV_CLIENT,),
                client_id=DEV_CLIENT,
                algorithms=tuple(sorted(SIGNATURE_ALGORITHMS)),
                leeway=timedelta(0),
                claims=ClaimSettings(tenant="tenant_id"),
                signing_key_files=signing_key_files,
            ),
        ),
    )


def default_data_directory() -> Path:
    """Where `sessiond dev` keeps its store and keys.

    It is `$XDG_DATA_HOME/sessiond/dev`, by default below `~/.local/share`.
    """
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "sessiond" / "dev"
