"""What a warm `ValidateToken` costs at the agent, beside the server that it asks and what others would build.

Each has a core of its own to be measured on, and they take turns. The others are a Go service that verifies
each token with golang-jwt, and Envoy's filter `jwt_authn`, both with a cache of their own too; none of them
knows of revocations.
"""

from __future__ import annotations

import sys
import tempfile
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import agent_process, envoy
from bench.agent_process import running_agent
from bench.h2load import is_here
from bench.processes import output, pinned, resident_mib, running, server_core
from bench.servers import ROOT, Peer, beside, sessiond
from bench.sides import Side, costs, measure, ratios, time_at_own_pace
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.servers import Sessiond

TITLE: Final = "The agent: a known token, 8 connections of 16 streams, one core for whoever answers"
_ROUNDS: Final = 5
_PEERS: Final = ROOT / "bench" / "peers"


async def run() -> list[Row]:
    """Medians over the rounds, and ratios within them; no rows where a tool is missing."""
    if not is_here("agent", "go"):
        return []
    async with AsyncExitStack() as stack:
        built = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        await agent_process.build(built / "agent")
        await _build_verifier(built / "verifier")
        server = await stack.enter_async_context(sessiond(ROOT))
        rows = await agent_process.measure(built / "agent", server)
        agent = Side("agent", await stack.enter_async_context(running_agent(built / "agent", server)))
        others = [Side("server", server), *await _peers(stack, built, server)]
        sides = [agent, *others]
        await measure(sides, rounds=_ROUNDS)
        own = await time_at_own_pace(sides)
        resident = [Row(f"{one.name}: memory", resident_mib(one.server.pid), "MiB") for one in sides]
    return (
        rows
        + [row for side in sides for row in costs(side)]
        + [row for other in others for row in ratios(agent, other)]
        + own
        + resident
    )


async def _peers(stack: AsyncExitStack, built: Path, server: Sessiond) -> list[Side]:
    peers = {
        "Go and golang-jwt": _verifier(built, server),
        "Go and golang-jwt with a cache": _verifier(built, server, "--cache"),
    }
    if envoy.is_here():
        peers["Envoy jwt_authn"] = envoy.jwt_authn(built, server, caches=False)
        peers["Envoy jwt_authn with its cache"] = envoy.jwt_authn(built, server, caches=True)
    return [Side(name, await stack.enter_async_context(peer)) for name, peer in peers.items()]


async def _build_verifier(to: Path) -> None:
    flags = ("-trimpath", "-ldflags=-s -w")
    await output("go", "-C", str(_PEERS), "build", *flags, "-o", str(to), "./verifier", seconds=300)


@asynccontextmanager
async def _verifier(built: Path, server: Sessiond, *flags: str) -> AsyncIterator[Peer]:
    keys = ("--jwks", server.key_set, "--issuer", server.issuer)
    command = pinned(server_core(), str(built / "verifier"), *keys, *flags)
    async with running(*command, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
        address = (await process.stdout.readline()).decode().strip() if process.stdout else ""
        yield Peer(process.pid, await beside(server, address))
