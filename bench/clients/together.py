"""Validations that go together: calls, processor time and latency, beside those of which each goes alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin
from urllib.request import urlopen

from bench.processes import cpu_seconds
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.clients.programs import Program
    from bench.servers import Sessiond

_ROUNDS: Final = 5
_ROUNDS_BEFORE: Final = 2  # the compilers of Java and Node come to rest
_TIMEOUT: Final = 10.0
_SYNCHRONOUS_ALONE: Final = "peek"
_CALLS: Final = re.compile(r'^sessiond_calls_total\{.*method="ValidateTokens?"\} ([\d.e+]+)$', re.MULTILINE)


@dataclass(frozen=True)
class _Round:
    """For one validation: calls, microseconds of the program and of the server, and milliseconds."""

    calls: float
    client: float
    server: float
    latency: float


_Figure = Callable[[_Round], float]


async def measure(programs: Sequence[Program], server: Sessiond, callers: int) -> list[Row]:
    """All programs in turns, each with coalescing and without it."""
    ways = [
        (program, way, name)
        for program in programs
        for way, name in program.language.ways.items()
        if way != _SYNCHRONOUS_ALONE
    ]
    rounds: dict[str, list[tuple[_Round, _Round]]] = {name: [] for _, _, name in ways}
    for _ in range(_ROUNDS_BEFORE + _ROUNDS):
        for program, way, name in ways:
            alone = await _round(program, server, way, callers, "off")
            rounds[name].append((alone, await _round(program, server, way, callers, "on")))
    return [row for name, found in rounds.items() for row in _rows(name, callers, found[_ROUNDS_BEFORE:])]


async def _round(program: Program, server: Sessiond, way: str, callers: int, coalescing: str) -> _Round:
    calls, cpu = await _calls(server), cpu_seconds(server.pid)
    found = await program.ask("together", way, str(callers), coalescing)
    cpu, calls = cpu_seconds(server.pid) - cpu, await _calls(server) - calls
    count = found["validations"]
    return _Round(calls / count, found["cpu"], cpu / count * 1e6, found["latency"])


async def _calls(server: Sessiond) -> float:
    """How many about tokens the server has answered."""
    said = await asyncio.to_thread(_metrics, server)
    return sum(map(float, _CALLS.findall(said)))


def _metrics(server: Sessiond) -> str:
    with urlopen(urljoin(server.key_set, "/metrics"), timeout=_TIMEOUT) as answer:  # noqa: S310 - its own address
        return str(answer.read(), "utf-8")


def _rows(name: str, callers: int, rounds: list[tuple[_Round, _Round]]) -> list[Row]:
    """Of what goes together, and as a share of what it is alone."""
    what = f"{name}, {callers} caller{'s' if callers > 1 else ''}"

    def middle(figure: _Figure) -> float:
        return median(figure(together) for _, together in rounds)

    def share(figure: _Figure) -> float:
        return median(figure(together) / figure(alone) for alone, together in rounds) * 100

    return [
        Row(f"{what}: calls for 1,000 validations", middle(lambda one: one.calls) * 1_000, ""),
        Row(f"{what}: CPU of the client a validation", middle(lambda one: one.client), "µs"),
        Row(f"{what}: CPU of the client to each alone", share(lambda one: one.client), "%"),
        Row(f"{what}: CPU of the server to each alone", share(lambda one: one.server), "%"),
        Row(f"{what}: latency, 50 % within", middle(lambda one: one.latency), "ms"),
        Row(f"{what}: latency to each alone", share(lambda one: one.latency), "%"),
    ]
