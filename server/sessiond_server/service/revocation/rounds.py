"""The same for many partitions, again and again: one that takes long keeps no other waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# For so long a round waits for those that are not done: a node of a cluster may be away, and the partitions
# of the others have to be asked again before what is known of them is too old.
WAITED_SECONDS: Final = 0.1


class Rounds:
    """Does `work` for each partition once in a round, unless it is still at it since an earlier one."""

    def __init__(self, work: Callable[[int], Awaitable[None]]) -> None:
        self._work = work
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def go(self, partitions: Iterable[int]) -> dict[int, BaseException | None]:
        """One round: how it ended for those partitions for which it has."""
        for one in partitions:
            if one not in self._under_way:
                self._under_way[one] = asyncio.create_task(self._do(one))
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=WAITED_SECONDS)
        done = {one: task for one, task in self._under_way.items() if task.done()}
        for one in done:
            del self._under_way[one]
        return {one: _how_it_ended(task) for one, task in done.items()}

    @contextmanager
    def ended_at_last(self) -> Iterator[None]:
        """Let nothing of it go on behind this context."""
        try:
            yield
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def _do(self, partition: int) -> None:
        await self._work(partition)


def _how_it_ended(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
