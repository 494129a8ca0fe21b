"""The test provider as a process, and the levers of a test on it."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.idp.__main__ import CLIENT_ID, CLIENT_SECRET, OTHER_CLIENT_ID, OTHER_CLIENT_SECRET
from tests.support import forked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.forked import Forked

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "OTHER_CLIENT_ID",
    "OTHER_CLIENT_SECRET",
    "Idp",
    "running_idp",
]

VERIFIER = "v" * 43
REDIRECT_URI = "https://app.example/callback"


@dataclass
class Idp:
    """A provider that runs, or has run; `issuer` is its address too."""

    state: Path
    web: aiohttp.ClientSession
    process: Forked | None = None
    issuer: str = ""

    async def start(self) -> None:
        """Start it, the second time on the same port with the same keys and tokens."""
        port = self.issuer.rpartition(":")[2] or "0"
        with tempfile.TemporaryFile() as said:
            self.process = await forked.start(
                "tests.idp", "--port", port, "--state", str(self.state), stdout=said.fileno()
            )

            def address() -> str:
                # What it writes goes where the position is, which reading must not move.
                return os.pread(said.fileno(), 1024, 0).decode().strip()

            self.issuer = await eventually(address, timeout=30)

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()

    async def switch(self, **switches: Any) -> None:
        await self._post("/control", switches)

    async def change_keys(self, do: str) -> None:
        await self._post("/control/keys", {"do": do})

    async def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with the provider's own signature, whatever it says."""
        return await self._post("/control/sign", {"claims": claims, "header": header})

    async def counts(self) -> dict[str, Any]:
        async with self.web.get(f"{self.issuer}/control") as answer:
            return (await answer.json())["counts"]

    async def login(self, **wanted: Any) -> dict[str, Any]:
        """The tokens of a new login."""
        return await self._post("/control/login", wanted)

    async def code(self, **wanted: Any) -> str:
        """An authorization code of a new login, for `VERIFIER` and `REDIRECT_URI`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        return (
            await self._post(
                "/control/login", {"challenge": challenge, "redirect_uri": REDIRECT_URI} | wanted
            )
        )["code"]

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.web.post(f"{self.issuer}{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None


@asynccontextmanager
async def running_idp(state: Path) -> AsyncIterator[Idp]:
    async with aiohttp.ClientSession() as web:
        idp = Idp(state, web)
        await idp.start()
        try:
            yield idp
        finally:
            await idp.stop()
