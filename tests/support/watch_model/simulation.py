"""Simulated time: what is to happen, in order; and clocks that drift, stand still, or are set."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Simulation:
    """True time, in seconds; `random` is the only source of chance."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = Random(seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = 0

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        self._counter += 1
        heappush(self._agenda, (self.now + seconds, self._counter, happen))

    def pick(self, among: Sequence[T]) -> T:
        """Any of them; several times as fast as `random.choice`."""
        return among[int(self.random.random() * len(among))]

    def every(self, shortest: float, longest: float, happen: Callable[[], None]) -> None:
        """Again and again, after a random time."""

        def again() -> None:
            happen()
            self.after(longest if shortest == longest else self.random.uniform(shortest, longest), again)

        self.after(self.random.uniform(0, longest), again)

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        while self._agenda and not is_over():
            at, _, happen = heappop(self._agenda)
            if at > until:
                return
            self.now = at
            happen()


@dataclass
class ModelClock:
    """What a machine takes for the time; `rate` is how fast its steady clock goes."""

    simulation: Simulation
    rate: float = 1.0
    stood_still: float = 0.0  # the steady clock, while the machine was suspended
    set_ahead: float = 0.0  # the wall's clock

    def steady(self) -> float:
        return 1_000.0 + self.simulation.now * self.rate - self.stood_still

    def wall(self) -> float:
        return 1_800_000_000.0 + self.simulation.now + self.set_ahead


@dataclass
class Line:
    """A stream's way: it keeps the order, and stalls now and then; what waited then comes at once."""

    simulation: Simulation
    delay: float = 0.002
    free_at: float = field(default=0.0)

    def stall(self, seconds: float) -> None:
        self.free_at = max(self.free_at, self.simulation.now + seconds)

    def send(self, arrive: Callable[[], None]) -> None:
        simulation = self.simulation
        self.free_at = max(self.free_at, simulation.now + self.delay * (0.5 + simulation.random.random()))
        simulation.after(self.free_at - simulation.now, arrive)
