"""An event loop whose time stands still until a test moves it; its sockets are real."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class ModelLoop(asyncio.SelectorEventLoop):
    """Timers fire when `at` is moved past them: whoever sleeps or waits for a limit does so for as long."""

    def __init__(self) -> None:
        self.at = 1_000.0
        super().__init__()

    def time(self) -> float:
        return self.at


class Traffic:
    """Counts what is on its way over sockets, so that it can be told when nothing goes on any more."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Something is on its way until the context closes."""
        self._under_way += 1
        self._none.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()

    async def settled(self) -> None:
        """Return when all that goes on waits for time to pass, or for something that a test does."""
        loop: Any = asyncio.get_running_loop()
        while True:
            await self._none.wait()
            await asyncio.sleep(0)
            # Nothing is ready but ourselves, and nothing will be before a timer is due.
            if not self._under_way and not loop._ready:
                return
