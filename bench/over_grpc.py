"""What a warm `ValidateToken` costs over gRPC: a server on one core, h2load on another.

`BENCH_BASE` names a revision to compare with, whose server takes turns with this one. Other work on the
machine makes both slower, also in CPU time, so that figures of two runs cannot be compared, but ratios within
a run can: first of all that of CPU time. Two servers of one version have been seen to differ by 1.5 %.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from bench.h2load import flood, latencies
from bench.processes import cpu_seconds
from bench.servers import ROOT, empty_handler, revision, sessiond, worktree
from bench.table import Row

if TYPE_CHECKING:
    from bench.servers import EmptyHandler, Sessiond

TITLE: Final = "ValidateToken over gRPC: a known token, 8 connections of 16 streams, one core for the server"
_TOOLS: Final = ("h2load", "taskset")
_ROUNDS: Final = 7
_ROUNDS_AGAINST_BASE: Final = 11
_SECONDS_A_ROUND: Final = 3.0
_SECONDS_A_REFERENCE_ROUND: Final = 1.5
_WARM_UP_CALLS: Final = 4000
_LEAST_CALLS: Final = 1000
_LATENCY_ROUNDS: Final = 3
_SECONDS_A_LATENCY_ROUND: Final = 1
_MODERATE_SHARE: Final = 0.5


@dataclass(frozen=True)
class _Round:
    calls_per_second: float
    cpu_us: float


@dataclass
class _Side:
    """A server, and what was measured of it; `calls` is the number of calls for which a round has room."""

    name: str
    server: Sessiond | EmptyHandler
    seconds: float = _SECONDS_A_ROUND
    calls: int = _WARM_UP_CALLS
    rounds: list[_Round] = field(default_factory=list)
    median_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    @property
    def calls_per_second(self) -> float:
        return median(one.calls_per_second for one in self.rounds)

    @property
    def cpu_us(self) -> float:
        return median(one.cpu_us for one in self.rounds)


async def run() -> list[Row]:
    """Medians over the rounds, and ratios within them; no rows where a tool is missing."""
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        install = "apt-get install nghttp2-client util-linux"
        sys.stderr.write(f"over-grpc: skipped, {missing[0]} is not here: {install}\n")
        return []
    _clean_up_when_terminated()
    base = os.environ.get("BENCH_BASE", "")
    async with AsyncExitStack() as stack:
        versions = await _started(stack, base)
        reference = await stack.enter_async_context(empty_handler(next(iter(versions.values())).target))
        compared = [_Side(name, server) for name, server in versions.items()]
        beside = _Side("empty handler", reference, seconds=_SECONDS_A_REFERENCE_ROUND)
        pace = await _measure([*compared, beside], rounds=_ROUNDS_AGAINST_BASE if base else _ROUNDS)
        for server in versions.values():
            await server.check()
    return _rows(compared, beside, pace)


def _clean_up_when_terminated() -> None:
    """Let SIGTERM end the scenario as Ctrl-C does, which asyncio sees to by itself."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _started(stack: AsyncExitStack, base: str) -> dict[str, Sessiond]:
    """This version, and that of the revision `base` if there is one, by their names in the table."""
    versions = {"head": ROOT}
    if base:
        commit = await revision(base)
        versions[f"base {commit[:7]}"] = await stack.enter_async_context(worktree(commit))
    return {name: await stack.enter_async_context(sessiond(tree)) for name, tree in versions.items()}


async def _measure(sides: list[_Side], *, rounds: int) -> float:
    """Let the sides take turns, in alternating order; the result is the pace for the latencies."""
    for side in sides:
        await _flood(side)
        side.rounds.clear()
    for number in range(rounds):
        for side in _in_turn(sides, number):
            await _flood(side)
    pace = _MODERATE_SHARE * min(side.calls_per_second for side in sides)
    for number in range(_LATENCY_ROUNDS):
        for side in _in_turn(sides, number):
            await _time(side, pace)
    return pace


def _in_turn(sides: list[_Side], number: int) -> list[_Side]:
    return sides[::-1] if number % 2 else sides


async def _flood(side: _Side) -> None:
    before = cpu_seconds(side.server.pid)
    rate = await flood(side.server.target, calls=side.calls)
    used = cpu_seconds(side.server.pid) - before
    side.rounds.append(_Round(rate, used / side.calls * 1e6))
    side.calls = max(_LEAST_CALLS, round(rate * side.seconds))


async def _time(side: _Side, pace: float) -> None:
    seconds = _SECONDS_A_LATENCY_ROUND
    taken = sorted(await latencies(side.server.target, calls_per_second=pace, seconds=seconds))
    side.median_ms.append(taken[len(taken) // 2] * 1e3)
    side.p99_ms.append(taken[len(taken) * 99 // 100] * 1e3)


def _rows(compared: list[_Side], reference: _Side, pace: float) -> list[Row]:
    head, *bases = compared
    rows = [row for side in (*compared, reference) for row in _costs(side)]
    rows += _ratios(head, reference, least="≥ 85")
    for base in bases:
        rows += _ratios(head, base)
    rows.append(Row("pace for the latencies: half of what the slowest does", pace, "/s"))
    return rows + [row for side in (*compared, reference) for row in _latencies(side)]


def _costs(side: _Side) -> list[Row]:
    return [
        Row(f"{side.name}: calls", side.calls_per_second, "/s"),
        Row(f"{side.name}: CPU a call", side.cpu_us, "µs"),
    ]


def _latencies(side: _Side) -> list[Row]:
    return [
        Row(f"{side.name}: at that pace, 50 % within", median(side.median_ms), "ms"),
        Row(f"{side.name}: at that pace, 99 % within", median(side.p99_ms), "ms"),
    ]


def _ratios(one: _Side, other: _Side, *, least: str = "") -> list[Row]:
    """Every round gives a ratio: the median of them, and the bounds of their middle half."""
    pairs = list(zip(one.rounds, other.rounds, strict=True))
    cpu = quantiles([mine.cpu_us / its.cpu_us * 100 for mine, its in pairs])
    rate = quantiles([mine.calls_per_second / its.calls_per_second * 100 for mine, its in pairs])
    what = f"{one.name} to {other.name}"
    return [
        Row(f"{what}: CPU a call", cpu[1], "%"),
        Row(f"{what}: CPU a call, half of the rounds from", cpu[0], "%"),
        Row(f"{what}: CPU a call, half of the rounds to", cpu[2], "%"),
        Row(f"{what}: calls", rate[1], "%", least),
        Row(f"{what}: calls, half of the rounds from", rate[0], "%"),
        Row(f"{what}: calls, half of the rounds to", rate[2], "%"),
    ]
