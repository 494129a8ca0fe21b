"""Calls whose callers leave: at their first wait, at their second, and so on, wherever they have come to."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator


class Waits:
    """Counts how often the tasks of a call wait for something; at one of these times the caller leaves."""

    def __init__(self, leaves_at: int) -> None:
        self.leaves_at, self.count = leaves_at, 0
        self.call: asyncio.Task[Any] | None = None

    @property
    def has_left(self) -> bool:
        return self.count > self.leaves_at

    def note(self) -> None:
        if self.count == self.leaves_at and self.call:
            self.call.cancel()
        self.count += 1


class _Counted:
    """Runs a coroutine, and notes each time that it waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], waits: Waits) -> None:
        self._work, self._waits = work, waits

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        thrown: BaseException | None = None
        while True:
            try:
                waited_for = steps.throw(thrown) if thrown else steps.send(None)
            except StopIteration as end:
                return end.value
            self._waits.note()
            thrown = None
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's, cancellation above all
                thrown = error


async def _run(work: Coroutine[Any, Any, Any], waits: Waits) -> Any:
    return await _Counted(work, waits)


@contextmanager
def _counting(waits: Waits) -> Iterator[None]:
    """Every task that is made meanwhile counts: also those that go on without the call."""
    loop = asyncio.get_running_loop()

    def counted(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_run(work, waits), loop=loop, **named)

    loop.set_task_factory(counted)
    try:
        yield
    finally:
        loop.set_task_factory(None)


async def abandoned(make: Callable[[], Coroutine[Any, Any, Any]], *, at: int) -> bool:
    """Whether the caller has left at this wait; otherwise the call was over before.

    When this returns, nothing of it is under way any more.
    """
    before, waits = asyncio.all_tasks(), Waits(at)
    with _counting(waits):
        waits.call = asyncio.get_running_loop().create_task(make())
        with suppress(asyncio.CancelledError):
            await waits.call
        await eventually(lambda: asyncio.all_tasks() <= before, timeout=20)
    return waits.has_left
