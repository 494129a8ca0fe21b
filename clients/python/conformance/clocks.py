"""The clocks of this process, which a case may move; to be imported before the client, which takes them then.

asyncio and threads wait by `time.monotonic`, which stays as it is.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Final

# Without it the client takes `time.monotonic` for its steady clock.
CAN_BE_MOVED: Final = hasattr(time, "CLOCK_BOOTTIME")
_AHEAD: Final = {"wall": 0.0, "steady": 0.0}


def move(clock: str, seconds: float) -> None:
    """Take one clock, or `both`, for so many seconds further on."""
    for name in _AHEAD:
        if clock in {name, "both"}:
            _AHEAD[name] += seconds


def _moved_wall(wall: Callable[[], float] = time.time) -> float:
    return wall() + _AHEAD["wall"]


def _moved_steady(clock: int, steady: Callable[[int], float] = time.clock_gettime) -> float:
    return steady(clock) + _AHEAD["steady"]


# Only the client is to be mistaken: gRPC reckons deadlines by the wall clock too.
_REAL: Final = time.time, time.clock_gettime
time.time, time.clock_gettime = _moved_wall, _moved_steady
importlib.import_module("sessiond.clocks")
time.time, time.clock_gettime = _REAL
