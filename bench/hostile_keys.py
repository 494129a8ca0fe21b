"""A whole server under 10,000 made-up key ids a second, while its issuer's key set misbehaves.

There is a new server for each way of misbehaving.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import jwt

from bench.processes import resident_mib
from bench.table import Row
from sessiond import AsyncClient, Session, UnavailableError
from sessiond_server.domain.base64url import to_base64url
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.server import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.server import Server

TITLE: Final = "a server whose issuer's key set is hostile, under made-up key ids"
_MODES: Final = ("good", "slow", "endless", "huge", "gzip", "redirect", "html", "500", "swap", "garbage")
_SECONDS_A_MODE: Final = 4.0
_IDS_A_SECOND: Final = 10_000
_BATCH: Final = 250
_UNDER_WAY: Final = 40
_SECRET: Final = "0" * 32
_DELAY: Final = re.compile(r'sessiond_event_loop_delay_seconds_bucket\{le="([^"]+)"\} (\S+)')


@dataclass
class _Load:
    """What was asked of the server, and how long a known token took meanwhile."""

    made_up: int = 0
    known: list[float] = field(default_factory=list)
    refused: int = 0


async def run() -> list[Row]:
    """Ids a second, fetches, and how long anything else had to wait, for each mode."""
    return [row for mode in _MODES for row in await _under(mode)]


async def _under(mode: str) -> list[Row]:
    async with _server() as (idp, server, client, web):
        token = (await idp.login())["access_token"]
        await client.validate(token)
        memory = resident_mib(server.process.pid)
        await idp.switch(keys=mode)
        before = await _delays(web, server)
        load = await _under_load(client, token)
        delays = {bound: count - before[bound] for bound, count in (await _delays(web, server)).items()}
        return [
            Row(f"{mode}: made-up ids a second", load.made_up / _SECONDS_A_MODE, "/s"),
            Row(f"{mode}: fetches of the key set", (await idp.counts())["keys"], "", "≤ 3"),
            Row(f"{mode}: a known token, 99 % within", _percentile(load.known, 0.99) * 1e3, "ms"),
            Row(
                f"{mode}: a known token was not accepted",
                load.refused,
                "times",
                "any" if mode == "swap" else "0",
            ),
            Row(f"{mode}: the event loop was late by at most", _latest(delays), "ms", "≤ 50"),
            Row(f"{mode}: memory gained", resident_mib(server.process.pid) - memory, "MiB"),
        ]


@asynccontextmanager
async def _server() -> AsyncIterator[tuple[Idp, Server, AsyncClient, aiohttp.ClientSession]]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        idp = await stack.enter_async_context(running_idp(directory / "idp.json"))
        config = Config(directory, issuers=[scalekit(idp.issuer, directory)])
        server = await stack.enter_async_context(serving(config.write(), config.data, directory / "log"))
        client = await stack.enter_async_context(AsyncClient(server.grpc, timeout=10, cache=None))
        yield idp, server, client, await stack.enter_async_context(aiohttp.ClientSession())


async def _under_load(client: AsyncClient, known: str) -> _Load:
    """Send batches of made-up ids at the given pace, several under way at a time.

    The known token is validated beside them.
    """
    load, until = _Load(), time.perf_counter() + _SECONDS_A_MODE
    claims = jwt.decode(known, options={"verify_signature": False})
    behind = jwt.encode(claims, _SECRET, algorithm="HS256").partition(".")[2]
    await asyncio.gather(
        *(_send_made_up(client, behind, load, until, number=number) for number in range(_UNDER_WAY)),
        _send_known(client, known, load, until),
    )
    return load


async def _send_made_up(client: AsyncClient, behind: str, load: _Load, until: float, *, number: int) -> None:
    # The batches are evenly spread, however long an answer takes.
    await asyncio.sleep(number * _BATCH / _IDS_A_SECOND)
    while time.perf_counter() < until:
        due = time.perf_counter() + _UNDER_WAY * _BATCH / _IDS_A_SECOND
        tokens = [f"{_header()}.{behind}" for _ in range(_BATCH)]
        load.made_up += _BATCH
        # Where the issuer could not be asked, nobody can say whether the token is good.
        with suppress(UnavailableError):
            await client.validate_all(tokens, timeout=1)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


def _header() -> str:
    return to_base64url(f'{{"alg":"RS256","kid":"{secrets.token_hex(12)}"}}'.encode())


async def _send_known(client: AsyncClient, token: str, load: _Load, until: float) -> None:
    while time.perf_counter() < until:
        asked = time.perf_counter()
        verdict = await client.validate(token)
        load.known.append(time.perf_counter() - asked)
        load.refused += not isinstance(verdict, Session)
        await asyncio.sleep(0.005)


async def _delays(web: aiohttp.ClientSession, server: Server) -> dict[float, float]:
    """How many timers of the server's event loop were late by at most so many seconds."""
    async with web.get(f"http://{server.http}/metrics") as answer:
        return {float(bound): float(count) for bound, count in _DELAY.findall(await answer.text())}


def _latest(delays: dict[float, float]) -> float:
    """Milliseconds: the smallest bound that all timers kept."""
    return min(bound for bound, count in delays.items() if count == max(delays.values())) * 1e3


def _percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)]
