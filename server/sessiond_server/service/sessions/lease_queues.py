"""Lets the calls that wait for one exchange at a provider ask the store one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sessiond_server.domain.failures import ProviderUnavailableError
from sessiond_server.service.clock import Clock

T = TypeVar("T")

# How long a call without a deadline waits for another's exchange, and how long before its deadline it is
# answered at the latest.
_PATIENCE_SECONDS: Final = 10.0
_TO_ANSWER_SECONDS: Final = 0.05
MAX_WAITING: Final = 200
MAX_WAITING_FOR_ONE: Final = 100
# Most exchanges are over soon; those that are not are asked for less and less often.
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.4


def leaves_at(arrived: float, patience_seconds: float | None) -> float | None:
    """When a call that came at `arrived` is over for its caller; None for a caller that stays."""
    return None if patience_seconds is None else arrived + patience_seconds


def give_up_at(arrived: float, patience_seconds: float | None) -> float:
    """When a call that came at `arrived` is to be answered, by its own deadline if it has one."""
    return (
        arrived + (_PATIENCE_SECONDS if patience_seconds is None else patience_seconds) - _TO_ANSWER_SECONDS
    )


@dataclass(slots=True)
class _Queue:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class LeaseQueues:
    """Queues of calls, each before something whose lease another call holds, here or at another server.

    The first in a queue asks for all of them. When it has its answer, or leaves, it is the next one's turn:
    whatever its length, a queue takes up one connection to the store.
    """

    def __init__(self, *, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._clock = clock
        self._pause = pause
        self._queues: dict[Hashable, _Queue] = {}
        self._waiting = 0

    def __len__(self) -> int:
        """How many calls wait."""
        return self._waiting

    async def wait(self, what: Hashable, ask: Callable[[], Awaitable[T | None]], *, give_up: float) -> T:
        """Queue up before `what`, then `ask` again and again until there is an answer.

        `give_up` is when the caller's patience ends, by the steady clock.

        Raises:
            ProviderUnavailableError: there was no answer by then, or too many calls wait already.
        """
        with self._place(what) as turn:
            try:
                async with asyncio.timeout(give_up - self._clock.steady()):
                    await turn.acquire()
            except TimeoutError:
                raise ProviderUnavailableError from None
            try:
                return await self._ask_on(ask, give_up)
            finally:
                turn.release()

    async def _ask_on(self, ask: Callable[[], Awaitable[T | None]], give_up: float) -> T:
        pause = _FIRST_PAUSE_SECONDS
        while (answer := await ask()) is None:
            left = give_up - self._clock.steady()
            if left <= 0:
                raise ProviderUnavailableError
            await self._pause(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return answer

    @contextmanager
    def _place(self, what: Hashable) -> Iterator[asyncio.Lock]:
        queue = self._queues.get(what) or _Queue()
        if queue.length >= MAX_WAITING_FOR_ONE or self._waiting >= MAX_WAITING:
            raise ProviderUnavailableError
        self._queues[what] = queue
        queue.length += 1
        self._waiting += 1
        try:
            yield queue.turn
        finally:
            queue.length -= 1
            self._waiting -= 1
            if not queue.length:
                del self._queues[what]
