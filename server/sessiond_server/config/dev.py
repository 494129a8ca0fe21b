"""The settings that `sessiond dev` runs with: one machine, no configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sessiond_server.config.problems import ConfigurationError, Problem
from sessiond_server.config.reader import read_settings
from sessiond_server.config.settings import EMBEDDED, Settings
from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import Group
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS
from sessiond_server.domain.store_url import socket_url

# The issuer is a name, not an address: tokens stay valid whatever the ports are.
DEV_ISSUER: Final = "http://sessiond.localhost"
DEV_CLIENT: Final = "sessiond-dev"
_STORE_URL: Final = "SESSIOND_STORE_URL"
_OF_THE_COMMAND_LINE: Final = frozenset({"SESSIOND_SERVER_LISTEN", "SESSIOND_SERVER_HTTP", _STORE_URL})


def dev_settings(
    *,
    listen: Address,
    http: Address,
    data: Path,
    environment: Mapping[str, str],
    socket_path: Path | None = None,
) -> Settings:
    """Settings that open every method to any local caller, with one local issuer.

    The environment stands above them, except for what the command line says: the ports, and the store, which
    is the one in `data`. `socket_path` is where that listens if another sessiond runs it, so that its keys
    are used too.

    Raises:
        ConfigurationError: the environment sets what is not allowed.
    """
    said = {name: text for name, text in environment.items() if name not in _OF_THE_COMMAND_LINE}
    document = _document(data if socket_path else None)
    settings = read_settings(document, environment=said, insecure_plaintext=False)
    return replace(
        settings,
        server=replace(settings.server, listen=listen, http=http),
        store=replace(
            settings.store,
            url=socket_url(socket_path) if socket_path else f"{EMBEDDED}{data}",
            # It is an embedded one in either case.
            on_store_loss=settings.store.on_store_loss or "accept",
        ),
    )


def data_directory(environment: Mapping[str, str]) -> Path:
    """Where `sessiond dev` keeps its store and keys where the command line does not say.

    Raises:
        ConfigurationError: the environment names a store that is not embedded.
    """
    url = environment.get(_STORE_URL)
    if url is None:
        return default_data_directory()
    if not url.startswith(EMBEDDED) or url == EMBEDDED:
        # Every local caller may do everything here: no store that others use is opened to that.
        found = f"another store, in {_STORE_URL}"
        raise ConfigurationError([Problem("store.url", found, f"{EMBEDDED}DIR, or `sessiond serve`")])
    return Path(url.removeprefix(EMBEDDED))


def _document(joined: Path | None) -> dict[str, Any]:
    issuer: dict[str, Any] = {
        "issuer": DEV_ISSUER,
        "preset": "local",
        "audiences": [DEV_CLIENT],
        "client_id": DEV_CLIENT,
        "algorithms": sorted(SIGNATURE_ALGORITHMS),
    }
    # Nobody balances load over it, and whoever stops it waits at a terminal.
    server = {"anonymous": list(Group), "reflection": True, "drain_delay": "0s"}
    document: dict[str, Any] = {
        "server": server,
        "store": {"url": f"{EMBEDDED}dev"},
        "issuers": [issuer],
    }
    if joined is None:
        return document
    return {**document, "keys": {"directory": str(joined)}}


def default_data_directory() -> Path:
    """Where `sessiond dev` keeps its store and keys.

    It is `$XDG_DATA_HOME/sessiond/dev`, by default below `~/.local/share`.
    """
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "sessiond" / "dev"
