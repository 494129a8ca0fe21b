"""Rations work that strangers can cause: one piece at each turn of the event loop, and few that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from sessiond_server.domain.failures import OverloadedError

_MAX_WAITING: Final = 256


class Turns:
    """The turns of the event loop, each of which one may have; those who wait get theirs in order.

    Between two pieces of work everything else gets on, whatever is asked for.
    """

    def __init__(self, *, max_waiting: int = _MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    def take(self) -> bool:
        """Whether this turn is still free; it is taken then."""
        if self._is_taken:
            return False
        self._is_taken = True
        asyncio.get_running_loop().call_soon(self._next)
        return True

    async def wait(self) -> None:
        """Return at the caller's turn; raises `OverloadedError` where too many wait already."""
        if self.take():
            return
        if len(self._waiting) >= self._max_waiting:
            raise OverloadedError
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        """Give the turn that begins to whoever has waited longest; those who have left are passed over."""
        self._is_taken = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self.take()
                turn.set_result(None)
                return
