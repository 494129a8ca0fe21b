"""What time it is at the store, reckoned from the last answer that told it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS

_MILLISECONDS: Final = 1000


class StoreTime:
    """The clock of each partition, which goes on as `steady` does.

    What is reckoned is not behind the store's clock, and ahead of it by the way of the answer at the most;
    only an answer that nobody took for longer than a call may last tells an older time.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self.steady = steady
        self._readings: dict[int, tuple[int, float]] = {}

    def take(self, partition: int, store_ms: int, *, sent: float) -> None:
        """Take in what the clock showed in an answer that has just come and was asked for at `sent`."""
        self._readings[partition] = store_ms, max(sent, self.steady() - TIMEOUT_SECONDS)

    def forget(self, partition: int) -> None:
        """The clock was set: what it showed before tells nothing any more."""
        self._readings.pop(partition, None)

    def at(self, partition: int, moment: float) -> int | None:
        """The store's time in milliseconds at a moment of the steady clock; None where it is not known."""
        reading = self._readings.get(partition)
        if reading is None:
            return None
        store_ms, since = reading
        # The store cuts off what is less than a millisecond: what comes after a change is not before it here.
        return math.ceil(store_ms + (moment - since) * _MILLISECONDS)
