"""The machine's clocks behind the port of time."""

from __future__ import annotations

import time

# CLOCK_BOOTTIME goes on while the machine sleeps; elsewhere the monotonic clock is the nearest there is.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.time()

    def steady(self) -> float:
        """See `Clock.steady`."""
        return time.clock_gettime(_STEADY)
