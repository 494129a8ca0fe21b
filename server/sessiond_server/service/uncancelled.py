"""Work that goes on to its end, whatever becomes of the call that wanted it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from sessiond_server.domain.failures import OverloadedError, StoreUnavailableError

T = TypeVar("T")

# How long a call without a deadline waits for what goes on without it then.
_CALL_SECONDS: Final = 30.0
# It goes on when its callers have left, and so is not in the cap of the calls.
_MAX_RUNNING: Final = 1000


class Uncancelled:
    """A limited number of pieces of work between which and the store nobody's cancellation comes."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, and give what it gives.

        Raises:
            OverloadedError: too much is under way; nothing was begun.
            StoreUnavailableError: it takes too long to be waited for, and goes on.
        """
        if len(self._running) >= _MAX_RUNNING:
            work.close()
            raise OverloadedError
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            return await asyncio.wait_for(asyncio.shield(task), _CALL_SECONDS)
        except TimeoutError:
            raise StoreUnavailableError from None

    async def drain(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # it is looked at here, because nobody may be left who waits for it
