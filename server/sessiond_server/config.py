"""Typed settings, and the values that hold where nothing else is said."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

DEV_LISTEN: Final = "127.0.0.1:50051"
DEV_HTTP: Final = "127.0.0.1:8080"
# The issuer is a name, not an address: tokens stay valid whatever the ports are.
DEV_ISSUER: Final = "http://sessiond.localhost"
DEV_CLIENT: Final = "sessiond-dev"


@dataclass(frozen=True, slots=True)
class DevSettings:
    """What `sessiond dev` runs with.

    With `join` the store and keys are those of the sessiond that runs on `data`; otherwise `data` is this one's own.
    """

    listen: str
    http: str
    data: Path
    join: bool = False
    access_lifetime: timedelta = timedelta(minutes=5)
    idle: timedelta = timedelta(days=7)
    absolute: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=10)
    poll_interval: timedelta = timedelta(milliseconds=100)
    lease: timedelta = timedelta(seconds=1)
    max_token_bytes: int = 8192
    token_cache_bytes: int = 64 << 20
    max_sessions_per_subject: int = 100
    drain_grace: timedelta = timedelta(seconds=10)


def default_data_directory() -> Path:
    """Where `sessiond dev` keeps its store and keys: `$XDG_DATA_HOME/sessiond/dev`, by default below `~/.local/share`."""
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "sessiond" / "dev"
