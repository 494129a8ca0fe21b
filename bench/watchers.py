"""What many watchers of one server cost it, and how long a revocation takes to all of them.

The server has one core, and the watchers another. A session is revoked at the server that is watched, so
that what is measured is the way from there to the last watcher; other servers see it up to `revocation.poll`
later.
"""

from __future__ import annotations

import asyncio
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Final

from bench.processes import cpu_seconds, resident_mib
from bench.servers import ROOT, sessiond
from bench.table import Row
from bench.watch_load import watchers
from sessiond import AsyncClient

if TYPE_CHECKING:
    from bench.servers import Sessiond
    from bench.watch_load import Watchers

TITLE: Final = "Watchers of revocations: one core for the server, 100 streams a connection"
_COUNTS: Final = (0, 100, 1000)
_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 2.0
_REVOCATIONS: Final = 20
_VALIDATIONS: Final = 300
_PERCENT: Final = 100


async def run() -> list[Row]:
    """Figures for each number of watchers."""
    rows = []
    async with sessiond(ROOT) as server, AsyncClient(server.target.address, timeout=30) as client:
        for count in _COUNTS:
            async with watchers(server.target.address, count) as watching:
                rows += await _figures(server, client, watching, count)
                if watching.ended:
                    rows.append(Row(f"{count} watchers: dropped", watching.ended, "", "0"))
    return rows


async def _figures(server: Sessiond, client: AsyncClient, watching: Watchers, count: int) -> list[Row]:
    name = f"{count} watchers"
    await asyncio.sleep(_SETTLE_SECONDS)
    before, sent = cpu_seconds(server.pid), watching.messages
    await asyncio.sleep(_SECONDS)
    rows = [
        Row(f"{name}: CPU of one core", (cpu_seconds(server.pid) - before) / _SECONDS * _PERCENT, "%"),
        Row(f"{name}: heartbeats", (watching.messages - sent) / _SECONDS, "/s"),
        Row(f"{name}: memory", resident_mib(server.pid), "MiB"),
    ]
    took = [await _validate(client, server.token) for _ in range(_VALIDATIONS)]
    rows += [
        Row(f"{name}: ValidateToken, one at a time, median", _ms(median(took)), "ms"),
        Row(f"{name}: ValidateToken, one at a time, p99", _ms(quantiles(took, n=100)[98]), "ms"),
    ]
    if count:
        ways = [await _revoke(client, watching, count) for _ in range(_REVOCATIONS)]
        rows += [
            Row(f"{name}: a revocation is known to half", _ms(median(half for half, _ in ways)), "ms"),
            Row(f"{name}: a revocation is known to all", _ms(median(last for _, last in ways)), "ms"),
            Row(f"{name}: a revocation is known to all, worst", _ms(max(last for _, last in ways)), "ms"),
        ]
    return rows


async def _validate(client: AsyncClient, token: str) -> float:
    begun = perf_counter()
    await client.validate(token)
    return perf_counter() - begun


async def _revoke(client: AsyncClient, watching: Watchers, count: int) -> tuple[float, float]:
    """From asking for a revocation until half of the watchers know of it, and until all do."""
    session_id = (await client.create_local_session("bob")).session.session_id
    watching.arrivals.clear()
    begun = perf_counter()
    await client.revoke_session(session_id)
    await watching.until_arrivals(count)
    await asyncio.sleep(0)
    return watching.arrivals[count // 2] - begun, watching.arrivals[count - 1] - begun


def _ms(seconds: float) -> float:
    return seconds * 1000
