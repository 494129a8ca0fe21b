"""Counts the calls that are in one state, and says when there are too many of them."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Crowd:
    """Calls in one state, by the task that serves each; a call whose task ends has left."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._tasks: set[asyncio.Task[Any] | None] = set()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tasks)

    def enter(self) -> bool:
        """Count the call that the running task serves; False where there are too many already."""
        if len(self._tasks) >= self._at_most:
            return False
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True


class Silent:
    """Calls whose message has not come yet.

    One whose caller ends its half without a message leaves no trace but its stream: grpcio gives it up, and
    nobody can end it any more. Those are counted for as long as a connection lives at most, since one that
    was cancelled looks the same.
    """

    def __init__(self, at_most: int, *, lost_at_most: int, lost_seconds: float) -> None:
        self._at_most = at_most
        self._lost_at_most = lost_at_most
        self._lost_seconds = lost_seconds
        self._lost = 0
        self._tasks: set[asyncio.Task[Any] | None] = set()

    def __len__(self) -> int:
        """How many are waited for."""
        return len(self._tasks)

    def enter(self) -> bool:
        """Count the call that the running task serves; False where there are too many already."""
        if len(self._tasks) >= self._at_most or self._lost >= self._lost_at_most:
            return False
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._end)
        return True

    def leave(self) -> None:
        """The message of the call that the running task serves has come."""
        self._tasks.discard(asyncio.current_task())

    def _end(self, task: asyncio.Task[Any]) -> None:
        if task in self._tasks:
            self._tasks.discard(task)
            self._lost += 1
            asyncio.get_running_loop().call_later(self._lost_seconds, self._forget)

    def _forget(self) -> None:
        self._lost -= 1


class Hurry:
    """Calls that must get on: each has a time, and beyond a number of them the oldest has to go at once.

    Whoever means it is in it for an instant, and so is never the oldest for long.
    """

    def __init__(self, at_most: int, *, seconds: float) -> None:
        self._at_most = at_most
        self._seconds = seconds
        self._timeouts: OrderedDict[int, asyncio.Timeout] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._timeouts)

    @asynccontextmanager
    async def hurried(self) -> AsyncIterator[None]:
        """Let the running task be one of them until the context closes; raises `TimeoutError` within."""
        async with asyncio.timeout(self._seconds) as timeout:
            self._timeouts[id(timeout)] = timeout
            try:
                if len(self._timeouts) > self._at_most:
                    _, oldest = self._timeouts.popitem(last=False)
                    oldest.reschedule(asyncio.get_running_loop().time())
                yield
            finally:
                self._timeouts.pop(id(timeout), None)


class CrowdByPeer:
    """The same, with a bound for each peer as well.

    The peers of a Unix socket have no names: there the bound of all holds alone.
    """

    _UNNAMED = "unix:"

    def __init__(self, at_most: int, *, of_each_peer: int) -> None:
        self._all = Crowd(at_most)
        self._of_each_peer = of_each_peer
        self._by_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many there are of all peers."""
        return len(self._all)

    def enter(self, peer: str) -> bool:
        """Count the call that the running task serves; False where there are too many already."""
        if peer == self._UNNAMED:
            return self._all.enter()
        if self._by_peer[peer] >= self._of_each_peer or not self._all.enter():
            return False
        self._by_peer[peer] += 1
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda _: self._leave(peer))
        return True

    def _leave(self, peer: str) -> None:
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]
