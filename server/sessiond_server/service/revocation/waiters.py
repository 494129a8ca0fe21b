"""Wakes those who wait for news, a few at a time: a thousand at once would keep every other call waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

# What these few do then takes about as long as a call that has to verify a signature or two.
_AT_A_TIME: Final = 16


class Waiters:
    """Whoever waits for the next news."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._due: deque[asyncio.Future[None]] = deque()
        self._waking: asyncio.Task[None] | None = None

    async def wait(self, *, at_most: float) -> None:
        """Return when there is news, or after `at_most` seconds."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        timer = loop.call_later(at_most, _wake, woken)
        self._waiting[woken] = None
        try:
            await woken
        finally:
            timer.cancel()
            self._waiting.pop(woken, None)

    def wake_all(self) -> None:
        """Have everybody go on who waits now; it is begun by this, and goes on by itself."""
        self._due.extend(self._waiting)
        self._waiting.clear()
        if self._due and (self._waking is None or self._waking.done()):
            self._waking = asyncio.create_task(self._wake_due())

    async def _wake_due(self) -> None:
        while self._due:
            for _ in range(min(_AT_A_TIME, len(self._due))):
                _wake(self._due.popleft())
            await asyncio.sleep(0)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
