"""Watches the store's clock: what a script judges by it, servers judge by theirs."""

from __future__ import annotations

import math
from typing import Final

from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger

# Clocks that are kept in step differ by milliseconds. A smaller limit would tell of slow networks, so that no
# setting puts one below it.
NOTABLE_SECONDS: Final = 0.5
# A slower answer says nothing: it may tell the time of any moment while it was waited for.
_SLOWEST_SAMPLE_SECONDS: Final = 0.25
# For so long what an answer told can be gone by.
_KNOWN_FOR_SECONDS: Final = 1.0
# A clock that was set is gone by after so long at the pace of the steady one, and not before: what a clock
# that jumped ahead calls expired would be gone for good.
STANDS_AFTER_SECONDS: Final = 600.0
_OUT_OF_STEP_SECONDS: Final = 1.0


class Clocks:
    """How far the store's clock is from ours, in each partition.

    `allowed_seconds` is the difference beyond which this server should not get calls: the same token would be
    good at one server and expired at another. It is not taken to be below `NOTABLE_SECONDS`.
    """

    def __init__(self, *, allowed_seconds: float, clock: Clock, logger: Logger) -> None:
        self._clock = clock
        self._logger = logger
        self._differences: dict[int, float] = {}
        self._compared_at: dict[int, float] = {}
        self._paces: dict[int, _Pace] = {}
        self._notable = _Limit(NOTABLE_SECONDS)
        self._allowed = _Limit(max(allowed_seconds, NOTABLE_SECONDS))
        self._shown = 0.0

    @property
    def difference_seconds(self) -> float:
        """The largest difference, positive where the store's clock is ahead; NaN before it was seen."""
        return max(self._differences.values(), key=abs, default=math.nan)

    @property
    def excess_seconds(self) -> float | None:
        """How far the clocks differ, where that is further than allowed; it moves in steps."""
        return self._shown if self._allowed else None

    @property
    def agree(self) -> bool:
        """Whether the clocks are known to agree at this moment."""
        since = self._clock.steady() - _KNOWN_FOR_SECONDS
        return not self._notable and min(self._compared_at.values(), default=-math.inf) > since

    @property
    def expired_by_ms(self) -> int | None:
        """The store's time up to which what has expired can be dropped; None where it may be wrong.

        Clocks of one machine jump together, so that it is not enough that they agree: each store's has to
        have gone like the steady clock for a while.
        """
        if not self.agree or not all(pace.stands for pace in self._paces.values()):
            return None
        return min(pace.store_ms for pace in self._paces.values())

    def compare(self, partition: int, store_ms: int, *, sent: float) -> None:
        """Take in what the store's clock showed in an answer that has just come.

        `sent` is when it was asked for, on the steady clock.
        """
        received = self._clock.steady()
        uncertainty = (received - sent) / 2
        if uncertainty > _SLOWEST_SAMPLE_SECONDS / 2:
            return
        difference = store_ms / 1000 - (self._clock.now() - uncertainty)
        self._differences[partition], self._compared_at[partition] = difference, received
        self._paces.setdefault(partition, _Pace()).take(store_ms, received)
        has_crossed = self._allowed.judge(partition, difference=difference, uncertainty=uncertainty)
        # A reason for not serving is logged whenever it changes, so that it must not tell of milliseconds.
        if has_crossed or abs(abs(self.difference_seconds) - self._shown) > NOTABLE_SECONDS:
            self._shown = abs(self.difference_seconds)
        if self._notable.judge(partition, difference=difference, uncertainty=uncertainty):
            self._tell()

    def _tell(self) -> None:
        difference = round(self.difference_seconds, 3)
        if self._notable:
            self._logger.warning("the store's clock is not ours", ahead_seconds=difference)
        else:
            self._logger.info("the store's clock is ours again", ahead_seconds=difference)


class _Pace:
    """Whether a store's clock, which has shown `store_ms`, goes like the steady one."""

    def __init__(self) -> None:
        self.store_ms = 0
        self.stands = False
        self._lead = math.inf
        self._since = 0.0

    def take(self, store_ms: int, received: float) -> None:
        """Take in what it showed when the steady clock showed `received`."""
        self.store_ms, lead = store_ms, store_ms / 1000 - received
        in_step = abs(lead - self._lead) <= _OUT_OF_STEP_SECONDS
        has_stood = in_step and received - self._since >= STANDS_AFTER_SECONDS
        # Clocks drift, and a little of it is no jump: one that has stood is compared with itself anew.
        if has_stood or not in_step:
            self._lead, self._since = lead, received
        self.stands = has_stood or (in_step and self.stands)


class _Limit:
    """The partitions whose clocks are further off than `seconds`.

    Only a sample that is certain of it moves a partition across, so that none does so back and forth.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._beyond: set[int] = set()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._beyond)

    def judge(self, partition: int, *, difference: float, uncertainty: float) -> bool:
        """Take a sample in; whether there are any now and were none, or the other way round."""
        had_any = bool(self)
        if abs(difference) - uncertainty > self._seconds:
            self._beyond.add(partition)
        elif abs(difference) + uncertainty <= self._seconds:
            self._beyond.discard(partition)
        return bool(self) is not had_any
