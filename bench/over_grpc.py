"""What a warm `ValidateToken` costs over gRPC: a server on one core, h2load on another.

`BENCH_BASE` names a revision to compare with, whose server takes turns with this one. Other work on the
machine makes both slower, also in CPU time, so that figures of two runs cannot be compared, but ratios within
a run can: first of all that of CPU time. Two servers of one version have been seen to differ by 1.5 %.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from bench.h2load import is_here
from bench.servers import ROOT, empty_handler, revision, sessiond, worktree
from bench.sides import Side, costs, latencies_of, measure, ratios
from bench.table import Row

if TYPE_CHECKING:
    from bench.servers import Sessiond

TITLE: Final = "ValidateToken over gRPC: a known token, 8 connections of 16 streams, one core for the server"
_ROUNDS: Final = 7
_ROUNDS_AGAINST_BASE: Final = 11
_SECONDS_A_REFERENCE_ROUND: Final = 1.5


async def run() -> list[Row]:
    """Medians over the rounds, and ratios within them; no rows where a tool is missing."""
    if not is_here("over-grpc"):
        return []
    base = os.environ.get("BENCH_BASE", "")
    async with AsyncExitStack() as stack:
        versions = await _started(stack, base)
        reference = await stack.enter_async_context(empty_handler(next(iter(versions.values())).target))
        compared = [Side(name, server) for name, server in versions.items()]
        beside = Side("empty handler", reference, seconds=_SECONDS_A_REFERENCE_ROUND)
        pace = await measure([*compared, beside], rounds=_ROUNDS_AGAINST_BASE if base else _ROUNDS)
        for server in versions.values():
            await server.check()
    return _rows(compared, beside, pace)


async def _started(stack: AsyncExitStack, base: str) -> dict[str, Sessiond]:
    """This version, and that of the revision `base` if there is one, by their names in the table."""
    versions = {"head": ROOT}
    if base:
        commit = await revision(base)
        versions[f"base {commit[:7]}"] = await stack.enter_async_context(worktree(commit))
    return {name: await stack.enter_async_context(sessiond(tree)) for name, tree in versions.items()}


def _rows(compared: list[Side], reference: Side, pace: float) -> list[Row]:
    head, *bases = compared
    rows = [row for side in (*compared, reference) for row in costs(side)]
    rows += ratios(head, reference, least="≥ 85")
    for base in bases:
        rows += ratios(head, base)
    rows.append(Row("pace for the latencies: half of what the slowest does", pace, "/s"))
    return rows + [row for side in (*compared, reference) for row in latencies_of(side)]
