"""Reads of the log that callers share: at most one of a partition is under way at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

_Read: TypeAlias = asyncio.Task[None]


class SharedReads:
    """Has `read` read partitions for all who ask, so that a dead store costs each of them two time limits.

    A caller that is cancelled does not take the answer from the others.
    """

    def __init__(self, read: Callable[[int], Awaitable[None]]) -> None:
        self._read = read
        self._under_way: dict[int, _Read] = {}
        # They wait for the one under way, and take in whoever asks until they begin.
        self._next: dict[int, _Read] = {}

    async def share(self, partition: int) -> None:
        """Wait for the read that is under way, or for one that begins now; raises what `read` does."""
        await asyncio.shield(self._find_under_way(partition) or self._find_next(partition))

    async def share_next(self, partition: int) -> None:
        """Wait for a read that has not begun when this is called; raises what `read` does."""
        await asyncio.shield(self._find_next(partition))

    def _find_under_way(self, partition: int) -> _Read | None:
        read = self._under_way.get(partition)
        return None if read is None or read.done() else read

    def _find_next(self, partition: int) -> _Read:
        read = self._next.get(partition)
        if read is None:
            read = self._next[partition] = asyncio.create_task(self._read_next(partition))
            read.add_done_callback(_look_at)
        return read

    async def _read_next(self, partition: int) -> None:
        before = self._find_under_way(partition)
        if before:
            await asyncio.wait([before])
        # From here to what `read` sends first nothing is awaited: who asks now is not in time for this one.
        self._under_way[partition] = self._next.pop(partition)
        await self._read(partition)


def _look_at(read: _Read) -> None:
    """Take note of how a read ended: nobody may be left who waits for it."""
    if not read.cancelled():
        read.exception()
