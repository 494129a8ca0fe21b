"""The port of time: nothing else in service or domain knows what time it is."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that people agree on, and one that only moves forward."""

    def now(self) -> float:
        """Seconds since 1970; may be set forwards and backwards."""

    def steady(self) -> float:
        """Seconds since some start; never goes back, and counts the time in which the machine slept."""
