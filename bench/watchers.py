"""What many watchers cost the server or the agent that they are at, and how long a revocation takes to all.

Whoever is watched has one core, and the watchers another. A session is revoked at the server that is watched,
or that the agent watches, so that what is measured is the way from there to the last watcher; other servers
see it up to `revocation.poll` later.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Final

from bench.agent_process import build, running_agent
from bench.h2load import is_here
from bench.processes import cpu_seconds, resident_mib
from bench.servers import ROOT, sessiond
from bench.table import Row
from bench.watch_load import watchers
from sessiond import AsyncClient

if TYPE_CHECKING:
    from bench.servers import Sessiond
    from bench.watch_load import Watchers

TITLE: Final = "Watchers of revocations: one core for whoever is watched, 100 streams a connection"
_COUNTS: Final = (0, 100, 1000)
_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 2.0
_REVOCATIONS: Final = 20
_VALIDATIONS: Final = 300
_PERCENT: Final = 100
_CPU_BUDGET: Final = "≤ 100"


@dataclass(frozen=True)
class _Side:
    """Who is watched; sessions are opened and revoked at the server."""

    name: str
    pid: int
    address: str
    token: str
    at_server: AsyncClient


async def run() -> list[Row]:
    """Figures for each number of watchers; without Go those of the server alone."""
    async with sessiond(ROOT) as server, AsyncClient(server.target.address, timeout=30) as client:
        side = _Side("", server.pid, server.target.address, server.token, client)
        rows = [row for count in _COUNTS for row in await _watched(side, count)]
        if is_here("watchers", "go"):
            rows += await _behind_an_agent(server, client)
    return rows


async def _behind_an_agent(server: Sessiond, client: AsyncClient) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        built = Path(directory)
        await build(built / "agent")
        async with running_agent(built / "agent", server) as agent:
            side = _Side("agent, ", agent.pid, agent.target.address, server.token, client)
            return [row for count in _COUNTS for row in await _watched(side, count)]


async def _watched(side: _Side, count: int) -> list[Row]:
    async with (
        watchers(side.address, count) as watching,
        # Each validation is a call.
        AsyncClient(side.address, timeout=30, cache=None) as client,
    ):
        rows = await _figures(side, client, watching, count)
        if watching.ended:
            rows.append(Row(f"{side.name}{count} watchers: dropped", watching.ended, "", "0"))
    return rows


async def _figures(side: _Side, client: AsyncClient, watching: Watchers, count: int) -> list[Row]:
    name = f"{side.name}{count} watchers"
    await asyncio.sleep(_SETTLE_SECONDS)
    before, sent = cpu_seconds(side.pid), watching.messages
    await asyncio.sleep(_SECONDS)
    busy = (cpu_seconds(side.pid) - before) / _SECONDS * _PERCENT
    rows = [
        Row(f"{name}: CPU of one core", busy, "%", _CPU_BUDGET),
        Row(f"{name}: heartbeats", (watching.messages - sent) / _SECONDS, "/s"),
        Row(f"{name}: memory", resident_mib(side.pid), "MiB"),
    ]
    took = [await _validate(client, side.token) for _ in range(_VALIDATIONS)]
    rows += [
        Row(f"{name}: ValidateToken, one at a time, median", _ms(median(took)), "ms"),
        Row(f"{name}: ValidateToken, one at a time, p99", _ms(quantiles(took, n=100)[98]), "ms"),
    ]
    if count:
        before, begun = cpu_seconds(side.pid), perf_counter()
        ways = [await _revoke(side.at_server, watching, count) for _ in range(_REVOCATIONS)]
        spent, lasted = cpu_seconds(side.pid) - before, perf_counter() - begun
        rows += [
            Row(
                f"{name}: a revocation is known to half", _ms(median(half for half, _ in ways)), "ms", "≤ 500"
            ),
            Row(f"{name}: a revocation is known to all", _ms(median(last for _, last in ways)), "ms"),
            Row(f"{name}: a revocation is known to all, worst", _ms(max(last for _, last in ways)), "ms"),
            Row(f"{name}: revocations without pause", _REVOCATIONS / lasted, "/s"),
            Row(f"{name}: CPU of one core meanwhile", spent / lasted * _PERCENT, "%", _CPU_BUDGET),
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
