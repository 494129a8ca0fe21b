"""Bounds what strangers can cause over time."""

from __future__ import annotations

from sessiond_server.service.clock import Clock


class Budget:
    """So many of something at a time, of which one comes back every so many seconds."""

    def __init__(self, clock: Clock, *, at_most: int, seconds_each: float) -> None:
        self._clock = clock
        self._at_most = float(at_most)
        self._seconds_each = seconds_each
        self._left = self._at_most
        self._counted_at = clock.steady()

    @property
    def has_one(self) -> bool:
        """Whether one more is within the budget."""
        now = self._clock.steady()
        self._left = min(self._left + (now - self._counted_at) / self._seconds_each, self._at_most)
        self._counted_at = now
        return self._left >= 1

    def spend(self) -> bool:
        """Whether one more is within the budget, which then has one less."""
        if not self.has_one:
            return False
        self._left -= 1
        return True
