"""What a warm `ValidateToken` costs at the agent, beside the server that it asks and what others would build.

Each has a core of its own to be measured on, and they take turns. The others are a Go service that verifies
each token with golang-jwt, and Envoy's filter `jwt_authn`, both with a cache of their own too; none of them
knows of revocations.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import agent_process
from bench.agent_process import running_agent
from bench.h2load import is_here
from bench.servers import ROOT, sessiond
from bench.side_by_side.alternative import installed, started
from bench.side_by_side.envoy import ENVOY
from bench.side_by_side.go_service import GO
from bench.sides import Side, costs, measure, memory, ratios, time_at_own_pace

if TYPE_CHECKING:
    from bench.table import Row

TITLE: Final = "The agent: a known token, 8 connections of 16 streams, one core for whoever answers"
_ROUNDS: Final = 5


async def run() -> list[Row]:
    """Medians over the rounds, and ratios within them; no rows where a tool is missing."""
    if not is_here("agent", "go"):
        return []
    async with AsyncExitStack() as stack:
        built = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        await agent_process.build(built / "agent")
        alternatives = await installed(built, GO, ENVOY)
        server = await stack.enter_async_context(sessiond(ROOT))
        rows = await agent_process.measure(built / "agent", server)
        agent = Side("agent", await stack.enter_async_context(running_agent(built / "agent", server)))
        others = [Side("server", server), *await started(stack, built, server, alternatives)]
        sides = [agent, *others]
        await measure(sides, rounds=_ROUNDS)
        own = await time_at_own_pace(sides)
        resident = [memory(side) for side in sides]
    return (
        rows
        + [row for side in sides for row in costs(side)]
        + [row for other in others for row in ratios(agent, other)]
        + own
        + resident
    )
