"""How many calls are taken: a cap for each method, a bound of what they bring, and none while stopping.

A call counts from when its message is there until its answer has been taken.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from sessiond_server.domain.failures import OverloadedError
from sessiond_server.transport.engine.port import Call

_MAX_BYTES: Final = 32 << 20
_QUIET_SECONDS: Final = 0.2
_MAX_CLOSING_SECONDS: Final = 2.0


class Limits:
    """What all methods of one server have in common."""

    def __init__(
        self,
        *,
        max_bytes: int = _MAX_BYTES,
        quiet_seconds: float = _QUIET_SECONDS,
        max_closing_seconds: float = _MAX_CLOSING_SECONDS,
    ) -> None:
        self.is_open = True
        self.bytes_in_flight = 0
        self.max_bytes = max_bytes
        self._quiet_seconds = quiet_seconds
        self._max_closing_seconds = max_closing_seconds
        self._turned_away = asyncio.Event()

    def turn_away(self) -> None:
        """Note that a call came although none is taken any more."""
        self._turned_away.set()

    async def close(self) -> None:
        """Take no more calls, and return when they have ceased to come: each is told where to go meanwhile.

        An engine that stopped at once would fail what is on its way to it.
        """
        self.is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._max_closing_seconds):
                while await self._turns_away_soon():
                    pass

    async def _turns_away_soon(self) -> bool:
        self._turned_away.clear()
        try:
            async with asyncio.timeout(self._quiet_seconds):
                return await self._turned_away.wait()
        except TimeoutError:
            return False


class Cap:
    """How many calls of one method are in flight, and how many may be."""

    def __init__(self, limits: Limits, *, max_in_flight: int) -> None:
        self._limits = limits
        self._max_in_flight = max_in_flight
        self.in_flight = 0

    def admit(self, raw: bytes, call: Call) -> None:
        """Count a call that brought `raw` until it is done; raises `OverloadedError`."""
        limits, size = self._limits, len(raw)
        if self.in_flight >= self._max_in_flight or limits.bytes_in_flight + size > limits.max_bytes:
            raise OverloadedError
        self.in_flight += 1
        limits.bytes_in_flight += size
        call.when_done(lambda: self._leave(size))

    def _leave(self, size: int) -> None:
        self.in_flight -= 1
        self._limits.bytes_in_flight -= size
