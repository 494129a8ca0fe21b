"""A server that is as open as `sessiond dev`, and knows a caller by a key, who may do everything too."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sessiond_server.domain.caller import Group
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS
from tests.support.config import Config
from tests.support.server import CLIENT_ID, ISSUER, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.server import Server


@asynccontextmanager
async def open_server(directory: Path) -> AsyncIterator[Server]:
    """It, with the key: for who is not known an agent does nothing but validate and watch."""
    issuer = {
        "issuer": ISSUER,
        "preset": "local",
        "audiences": [CLIENT_ID],
        "client_id": CLIENT_ID,
        "algorithms": sorted(SIGNATURE_ALGORITHMS),
    }
    config = Config(directory, {"server": {"anonymous": list(Group), "reflection": True}}, [issuer])
    config.caller("everything", list(Group))
    async with serving(config.write(), config.data, directory / "log") as server:
        server.key_file = directory / "everything.key"
        yield server
