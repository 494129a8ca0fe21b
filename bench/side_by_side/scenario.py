"""What a validation costs with sessiond, and with what users would pick instead: in one run, in turns.

Whoever answers has one core, the load has the other. All are asked about the same token of the server's local
issuer, but for those that have sessions or tokens of their own alone. Of the others none but Redis's sessions
and Hydra know of revocations.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import agent_process
from bench.h2load import is_here
from bench.servers import ROOT, sessiond
from bench.side_by_side.alternative import installed, started
from bench.side_by_side.chart import draw
from bench.side_by_side.envoy import ENVOY
from bench.side_by_side.express import EXPRESS
from bench.side_by_side.go_service import GO
from bench.side_by_side.hydra import HYDRA
from bench.side_by_side.java_service import JAVA
from bench.side_by_side.python_service import PYTHON
from bench.sides import Side, costs, flood_in_turns, memory, ratios, time_at_own_pace

if TYPE_CHECKING:
    from bench.table import Row

TITLE: Final = "side by side: one validation, one core for whoever answers"
_ROUNDS: Final = 5
_SECONDS_A_ROUND: Final = 2.0
# Java compiles while it runs.
_WARM_UPS: Final = 2
# A run takes about as long as a token lives otherwise.
_SETTINGS: Final = {"SESSIOND_SESSIONS_ACCESS_LIFETIME": "1h"}
_ALTERNATIVES: Final = (PYTHON, GO, JAVA, ENVOY, EXPRESS, HYDRA)


async def run() -> list[Row]:
    """Medians over the rounds and ratios within them, and a picture; no rows where a tool is missing."""
    if not is_here("side-by-side", "go"):
        return []
    async with AsyncExitStack() as stack:
        built = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        agent, *others = sides = await _sides(stack, built)
        for side in sides:
            side.seconds = _SECONDS_A_ROUND
        await flood_in_turns(sides, rounds=_ROUNDS, warm_ups=_WARM_UPS)
        own = await time_at_own_pace(sides)
        resident = [memory(side) for side in sides]
    draw(sides)
    return [
        *(row for side in sides for row in costs(side)),
        *(row for other in others for row in ratios(agent, other)),
        *own,
        *resident,
    ]


async def _sides(stack: AsyncExitStack, built: Path) -> list[Side]:
    """The agent, the server, and whatever else can be installed, all of them running."""
    await agent_process.build(built / "agent")
    alternatives = await installed(built, *_ALTERNATIVES)
    server = await stack.enter_async_context(sessiond(ROOT, **_SETTINGS))
    agent = await stack.enter_async_context(agent_process.running_agent(built / "agent", server))
    return [Side("agent", agent), Side("server", server), *await started(stack, built, server, alternatives)]
