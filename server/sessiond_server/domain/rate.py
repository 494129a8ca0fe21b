"""How often something may be done: the generic cell rate algorithm (ITU-T I.371), in whole microseconds.

A bucket is a moment: when everything that was done so far is paid for, at one unit each `interval_us`.
Whoever is further ahead of it than the burst allows has to wait.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_BUCKETS: Final = 10_000
_SECOND_US: Final = 1_000_000


class Activity(StrEnum):
    """What is done."""

    CREATE = "create"
    REFRESH = "refresh"
    REVOKE = "revoke"
    FAILED_VALIDATION = "failed_validation"


class Per(StrEnum):
    """By whom or to what it is done."""

    CALLER = "caller"
    SESSION = "session"
    SUBJECT = "subject"
    TENANT = "tenant"
    SOURCE = "source"


# What is known of each when it is done.
KNOWN: Final = {
    Activity.CREATE: frozenset({Per.CALLER, Per.SUBJECT, Per.TENANT, Per.SOURCE}),
    Activity.REFRESH: frozenset({Per.CALLER, Per.SESSION, Per.SOURCE}),
    Activity.REVOKE: frozenset({Per.CALLER, Per.SESSION, Per.SUBJECT, Per.TENANT}),
    Activity.FAILED_VALIDATION: frozenset({Per.CALLER}),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in so many seconds on average, of which `burst` may come at once."""

    count: int
    seconds: int
    burst: int

    @property
    def interval_us(self) -> int:
        """The time that one costs; never less than it should be."""
        return -(-self.seconds * _SECOND_US // self.count)

    @property
    def ahead_us(self) -> int:
        """How far ahead of its payment one may come."""
        return (self.burst - 1) * self.interval_us

    def __str__(self) -> str:
        """As the settings have it."""
        unit = {1: "s", 60: "m", 3600: "h"}[self.seconds]
        return f"{self.count}/{unit}"


class Buckets:
    """The buckets of one process; one too many takes the place of that which was used the longest ago."""

    def __init__(self, *, at_most: int = MAX_BUCKETS) -> None:
        self._at_most = at_most
        self._due_us: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._due_us)

    def take(self, key: bytes, rate: Rate, now: float, *, count: int = 1) -> float:
        """Take `count` units at `now`, in seconds: 0, or how many seconds to wait, where nothing is taken."""
        now_us = int(now * _SECOND_US)
        due_us = max(self._due_us.get(key, 0), now_us)
        wait_us = due_us - now_us - rate.ahead_us
        if wait_us > 0:
            return wait_us / _SECOND_US
        self._due_us[key] = due_us + count * rate.interval_us
        self._due_us.move_to_end(key)
        if len(self._due_us) > self._at_most:
            self._due_us.popitem(last=False)
        return 0.0
