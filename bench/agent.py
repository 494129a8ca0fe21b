"""What a warm `ValidateToken` costs at the agent, beside the server that it asks and what others would build.

Each has a core of its own to be measured on, and they take turns. The others are a Go service that verifies
each token with golang-jwt, and the same with a cache of its own; neither knows of revocations.
"""

from __future__ import annotations

import json
import sys
import tempfile
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.h2load import is_here
from bench.processes import output, pinned, resident_mib, running, server_core
from bench.servers import ROOT, Peer, beside, sessiond
from bench.sides import Side, costs, latencies_of, measure, ratios
from bench.table import Row
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.servers import Sessiond

TITLE: Final = "The agent: a known token, 8 connections of 16 streams, one core for whoever answers"
_ROUNDS: Final = 5
_SECONDS_TO_START: Final = 30
_AGENT: Final = ROOT / "clients" / "go" / "cmd" / "sessiond-agent"
_PEERS: Final = ROOT / "bench" / "peers"


async def run() -> list[Row]:
    """Medians over the rounds, and ratios within them; no rows where a tool is missing."""
    if not is_here("agent", "go"):
        return []
    async with AsyncExitStack() as stack:
        built = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        await _build(_AGENT, ".", built / "agent")
        await _build(_PEERS, "./verifier", built / "verifier")
        server = await stack.enter_async_context(sessiond(ROOT))
        sides = [
            Side("agent", await stack.enter_async_context(_agent(built, server))),
            Side("server", server),
            Side("Go and golang-jwt", await stack.enter_async_context(_verifier(built, server))),
            Side(
                "the same with a cache", await stack.enter_async_context(_verifier(built, server, "--cache"))
            ),
        ]
        pace = await measure(sides, rounds=_ROUNDS)
        resident = [Row(f"{one.name}: memory", resident_mib(one.server.pid), "MiB") for one in sides]
    ours, *others = sides
    rows = [row for side in sides for row in costs(side)]
    rows += [row for other in others for row in ratios(ours, other)]
    rows.append(Row("pace for the latencies: half of what the slowest does", pace, "/s"))
    return rows + [row for side in sides for row in latencies_of(side)] + resident


async def _build(module: Path, package: str, to: Path) -> None:
    await output("go", "-C", str(module), "build", "-trimpath", "-ldflags=-s -w", "-o", str(to), package)


@asynccontextmanager
async def _agent(built: Path, server: Sessiond) -> AsyncIterator[Peer]:
    flags = ("--servers", server.target.address, "--listen", "127.0.0.1:0")
    log = built / "agent.log"
    with log.open("wb") as stderr:
        async with running(*pinned(server_core(), str(built / "agent"), *flags), stderr=stderr) as process:
            address = await eventually(lambda: _address(log), timeout=_SECONDS_TO_START)
            yield Peer(process.pid, await beside(server, address))


def _address(log: Path) -> str:
    said = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((line["grpc"] for line in said if "grpc" in line), "")


@asynccontextmanager
async def _verifier(built: Path, server: Sessiond, *flags: str) -> AsyncIterator[Peer]:
    keys = ("--jwks", server.key_set, "--issuer", server.issuer)
    command = pinned(server_core(), str(built / "verifier"), *keys, *flags)
    async with running(*command, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
        address = (await process.stdout.readline()).decode().strip() if process.stdout else ""
        yield Peer(process.pid, await beside(server, address))
