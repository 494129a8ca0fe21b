"""The clocks of a client: the steady one counts the time that a machine is suspended, where it can."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final


def _steady() -> Callable[[], float]:
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_time is None:
        return time.monotonic
    try:
        time.clock_gettime(boot_time)
    except OSError:  # some sandboxes know the name alone
        return time.monotonic
    return partial(time.clock_gettime, boot_time)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both in seconds: one that never jumps, and the wall's, which shows where the first stood still."""

    steady: Callable[[], float]
    wall: Callable[[], float]


SYSTEM_CLOCKS: Final = Clocks(_steady(), time.time)
