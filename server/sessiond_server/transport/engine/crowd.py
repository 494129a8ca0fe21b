"""Counts the calls that are in one state, by the tasks that serve them, and says when there are too many."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any, cast

from typing_extensions import override


def current_task() -> asyncio.Task[Any]:
    """The task that serves the call at hand."""
    return cast("asyncio.Task[Any]", asyncio.current_task())


class Crowd:
    """Calls that stay in one state until their tasks end, or until they leave it."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tasks)

    def enter(self) -> bool:
        """Count the call that the running task serves; False where there are too many already."""
        if len(self._tasks) >= self._at_most:
            return False
        task = current_task()
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return True

    def leave(self) -> None:
        """The call that the running task serves is in that state no more."""
        self._tasks.discard(current_task())

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)


class CrowdByPeer:
    """A crowd in which each peer has few places.

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
        current_task().add_done_callback(lambda _: self._leave(peer))
        return True

    def _leave(self, peer: str) -> None:
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]


class Silent(Crowd):
    """Calls whose message has not come yet, and that nobody hurries.

    One whose caller ends its half without a message leaves no trace but its stream: grpcio gives it up, and
    nobody can end it any more. Those are counted for as long as a connection lives at most.
    """

    def __init__(self, at_most: int, *, lost_at_most: int, lost_seconds: float) -> None:
        super().__init__(at_most)
        self._lost_at_most = lost_at_most
        self._lost_seconds = lost_seconds
        self.lost = 0

    @override
    def enter(self) -> bool:
        return self.lost < self._lost_at_most and super().enter()

    @override
    def _end(self, task: asyncio.Task[Any]) -> None:
        # A call that its caller has cancelled is over, stream and all.
        if task in self._tasks and not task.cancelling():
            self.lost += 1
            asyncio.get_running_loop().call_later(self._lost_seconds, self._forget)
        super()._end(task)

    def _forget(self) -> None:
        self.lost -= 1


class Hurry:
    """Calls whose message has to come in time, and of which one has to go where there are too many.

    It is the oldest of whoever has the most: a call that brings its message is among them for an instant, and
    so is hardly ever the oldest, and whoever has few is out of the reach of whoever has many.
    """

    def __init__(self, at_most: int, *, seconds: float) -> None:
        self._at_most = at_most
        self._seconds = seconds
        self._count = 0
        self._of: dict[Hashable, OrderedDict[int, asyncio.Timeout]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    @asynccontextmanager
    async def hurried(self, who: Hashable) -> AsyncIterator[None]:
        """Let the running task be one of them until the context closes; raises `TimeoutError` within."""
        async with asyncio.timeout(self._seconds) as timeout:
            self._of.setdefault(who, OrderedDict())[id(timeout)] = timeout
            self._count += 1
            try:
                if self._count > self._at_most:
                    self._dismiss_one()
                yield
            finally:
                self._take_out(who, id(timeout))

    def _dismiss_one(self) -> None:
        who = max(self._of, key=lambda one: len(self._of[one]))
        number, oldest = next(iter(self._of[who].items()))
        self._take_out(who, number)
        # One whose time is over already goes by itself, and cannot be told to.
        if not oldest.expired():
            oldest.reschedule(asyncio.get_running_loop().time())

    def _take_out(self, who: Hashable, number: int) -> None:
        """Take it out, unless it had to go before."""
        theirs = self._of.get(who)
        if theirs is None or theirs.pop(number, None) is None:
            return
        self._count -= 1
        if not theirs:
            del self._of[who]
