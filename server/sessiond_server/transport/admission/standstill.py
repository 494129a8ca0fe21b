"""Notices that this process stood still, and takes no calls for a moment that could change a session.

What lay in its sockets meanwhile cannot be told from what is new: whoever sent it may have gone elsewhere
with it since.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from sessiond_server.domain.failures import OverloadedError
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry

_TICK_SECONDS: Final = 0.02
# Whoever sends a call waits longer than this; only what stood still keeps the event loop for so long.
_NOTABLE_SECONDS: Final = 1.0
# By then the engine has handed over what lay there.
_REFUSED_FOR_SECONDS: Final = 0.2


class Standstill:
    """Knows when the event loop went on last, by a clock that counts the time in which the machine slept."""

    def __init__(self, *, clock: Clock, telemetry: Telemetry, logger: Logger) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._logger = logger
        # While nobody watches, nothing is known.
        self._seen_at = math.inf
        self._over_at = -math.inf

    async def watch(self) -> None:
        """Look again and again, and measure how long timers are kept waiting, until cancelled.

        That delay is the first number to grow under too much load.
        """
        self._seen_at = self._clock.steady()
        try:
            while True:
                due = self._clock.steady() + _TICK_SECONDS
                await asyncio.sleep(_TICK_SECONDS)
                self._telemetry.loop_delayed(max(0.0, self._look() - due))
        finally:
            self._seen_at = math.inf

    def require_none(self) -> None:
        """Raises `OverloadedError` where this process has just stood still.

        It looks by itself: a call may be handed over before the watch goes on.
        """
        if self._look() < self._over_at:
            raise OverloadedError

    def _look(self) -> float:
        """Take note of the time that has passed; the moment."""
        now = self._clock.steady()
        stood_still = now - self._seen_at
        if stood_still > _NOTABLE_SECONDS:
            self._over_at = now + _REFUSED_FOR_SECONDS
            self._telemetry.stood_still(stood_still)
            self._logger.warning("this process stood still", seconds=round(stood_still, 3))
        # A call that comes while nobody watches begins no watch.
        self._seen_at = max(self._seen_at, now)
        return now
