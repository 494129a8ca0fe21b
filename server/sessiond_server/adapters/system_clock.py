"""The machine's clocks behind the port of time."""

from __future__ import annotations

import time
from typing import Final

from typing_extensions import override

from sessiond_server.service.clock import Clock

# CLOCK_BOOTTIME goes on while the machine sleeps; elsewhere the monotonic clock is the nearest there is.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock(Clock):
    """The clocks of the machine."""

    @override
    def now(self) -> float:
        return time.time()

    @override
    def steady(self) -> float:
        return time.clock_gettime(_STEADY)
