"""Servers that take turns under load: what a call costs each of them, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final, Protocol

from bench.h2load import latencies
from bench.processes import cpu_seconds, resident_mib
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.h2load import Target

SECONDS_A_ROUND: Final = 3.0
_WARM_UP_CALLS: Final = 4000
_LEAST_CALLS: Final = 1000
_LATENCY_ROUNDS: Final = 3
_SECONDS_A_LATENCY_ROUND: Final = 1
_MODERATE_SHARE: Final = 0.5


@dataclass(frozen=True)
class _Round:
    calls_per_second: float
    cpu_us: float


class Measured(Protocol):
    """Whoever answers calls, in one or more processes."""

    @property
    def target(self) -> Target | None:
        """How it is called, if that is over a network."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        ...

    async def flood(self, *, calls: int) -> float:
        """Have it answer so many calls, as fast as it can; the result is calls a second."""
        ...


@dataclass
class Side:
    """A server, and what was measured of it; `calls` is the number of calls for which a round has room."""

    name: str
    server: Measured
    seconds: float = SECONDS_A_ROUND
    calls: int = _WARM_UP_CALLS
    rounds: list[_Round] = field(default_factory=list)
    median_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    @property
    def calls_per_second(self) -> float:
        """As many as it answered in the median of the rounds."""
        return median(one.calls_per_second for one in self.rounds)

    @property
    def cpu_us(self) -> float:
        """Microseconds of a processor that a call took it, in the median of the rounds."""
        return median(one.cpu_us for one in self.rounds)


async def measure(sides: Sequence[Side], *, rounds: int) -> float:
    """Let the sides take turns, in alternating order; the result is the pace for the latencies."""
    await flood_in_turns(sides, rounds=rounds)
    pace = _MODERATE_SHARE * min(side.calls_per_second for side in sides)
    for number in range(_LATENCY_ROUNDS):
        for side in _in_turn(sides, number):
            await _time(side, pace)
    return pace


async def flood_in_turns(sides: Sequence[Side], *, rounds: int, warm_ups: int = 1) -> None:
    """Let the sides take turns, in alternating order, after rounds that do not count."""
    for number in range(warm_ups + rounds):
        for side in _in_turn(sides, number):
            if number == warm_ups:
                side.rounds.clear()
            await _flood(side)


def _in_turn(sides: Sequence[Side], number: int) -> Sequence[Side]:
    return sides[::-1] if number % 2 else sides


async def _flood(side: Side) -> None:
    before = sum(map(cpu_seconds, side.server.pids))
    rate = await side.server.flood(calls=side.calls)
    used = sum(map(cpu_seconds, side.server.pids)) - before
    side.rounds.append(_Round(rate, used / side.calls * 1e6))
    side.calls = max(_LEAST_CALLS, round(rate * side.seconds))


async def _time(side: Side, pace: float) -> None:
    if side.server.target is None:
        return
    seconds = _SECONDS_A_LATENCY_ROUND
    taken = sorted(await latencies(side.server.target, calls_per_second=pace, seconds=seconds))
    side.median_ms.append(taken[len(taken) // 2] * 1e3)
    side.p99_ms.append(taken[len(taken) * 99 // 100] * 1e3)


async def time_at_own_pace(sides: Sequence[Side]) -> list[Row]:
    """What calls take at half of what each side can do, in turns; no rows of what is in the same process."""
    for side in sides:
        side.median_ms.clear()
        side.p99_ms.clear()
    for number in range(_LATENCY_ROUNDS):
        for side in _in_turn(sides, number):
            await _time(side, _MODERATE_SHARE * side.calls_per_second)
    return [
        Row(f"{side.name}: at half of its own calls, {share} % within", median(taken), "ms")
        for side in sides
        for share, taken in ((50, side.median_ms), (99, side.p99_ms))
        if taken
    ]


def costs(side: Side) -> list[Row]:
    """What was measured of a side under flood."""
    return [
        Row(f"{side.name}: calls", side.calls_per_second, "/s"),
        Row(f"{side.name}: CPU a call", side.cpu_us, "µs"),
    ]


def memory(side: Side) -> Row:
    """What its processes have in use now."""
    return Row(f"{side.name}: memory", sum(map(resident_mib, side.server.pids)), "MiB")


def latencies_of(side: Side) -> list[Row]:
    """What was measured of it at an even pace."""
    return [
        Row(f"{side.name}: at that pace, 50 % within", median(side.median_ms), "ms"),
        Row(f"{side.name}: at that pace, 99 % within", median(side.p99_ms), "ms"),
    ]


def ratios(one: Side, other: Side, *, least: str = "") -> list[Row]:
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
