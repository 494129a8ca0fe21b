"""Either client of Python, with what it tells, against a scripted server."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sessiond import AsyncClient, Observer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessiond import Client, Outcome, WatchState
    from sessiond.blocking_calls import BlockingCalls
    from sessiond.calls import AsyncCalls
    from tests.support.watch_server import ScriptedSessiond

THREADS = 80


class Told(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.reasons: list[str] = []
        self.states: list[WatchState] = []

    def validated(self, outcome: Outcome, *, accepted: bool, reason: str, seconds: float) -> None:
        assert accepted is (reason == "")
        assert seconds >= 0
        self.outcomes.append(outcome)
        self.reasons.append(reason)

    def watch_changed(self, state: WatchState) -> None:
        self.states.append(state)


class EitherClient:
    """Either client, awaited: the blocking one is asked from threads."""

    def __init__(self, client: AsyncClient | Client) -> None:
        self.client = client
        self._threads = ThreadPoolExecutor(THREADS)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any, **fields: Any) -> Any:
            method = getattr(self.client, name)
            if inspect.iscoroutinefunction(method):
                return await method(*arguments, **fields)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: method(*arguments, **fields))

        return call

    async def validate_each(self, *tokens: str) -> list[Any]:
        """All at the same time; what is raised is among what is returned."""
        return await asyncio.gather(*map(self.validate, tokens), return_exceptions=True)

    async def shut(self) -> None:
        await self.close()
        self._threads.shutdown()

    async def is_fresh(self, scripted: ScriptedSessiond) -> None:
        """The watch is followed, and no call is noted yet."""
        await self.validate("first")
        await scripted.watched()
        await eventually(lambda: self.client.numbers.watch_age is not None)
        scripted.calls.clear()

    @property
    def calls(self) -> AsyncCalls | BlockingCalls:
        inner = self.client
        validator = inner._validator if isinstance(inner, AsyncClient) else inner._connection.get().validator
        return validator._calls

    @property
    def waiting(self) -> int:
        """How many flights wait for the next departure."""
        return sum(map(len, self.calls._departures._groups.values()))
