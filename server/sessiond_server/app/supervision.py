"""Keeps the work beside the calls going: where it ends unforeseen, it is told, counted and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sessiond_server.domain.backoff import backoff_seconds
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry

_LONGEST_PAUSE_SECONDS: Final = 60.0
# Work that has gone on for so long is well again.
_WELL_AFTER_SECONDS: Final = 60.0
_AGAIN_AND_AGAIN: Final = 2
_CANCEL_AGAIN_SECONDS: Final = 0.1

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Failures:
    """How often in a row some work has ended, and when it was or will be begun again, on the steady clock."""

    count: int
    begun_at: float


class Supervision:
    """Runs work that has no end of its own, each by its name, and knows which of it keeps failing.

    The pause before work is begun again doubles from one second to a minute.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        telemetry: Telemetry,
        logger: Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._logger = logger
        self._sleep = sleep
        self._failures: dict[str, _Failures] = {}

    @property
    def failing(self) -> list[str]:
        """The work that has failed more than once and is not well again."""
        return [
            name
            for name, failures in self._failures.items()
            if failures.count >= _AGAIN_AND_AGAIN and not self._is_well(failures)
        ]

    @asynccontextmanager
    async def running(self, name: str, work: Work) -> AsyncIterator[None]:
        """Run `work` until the context closes."""
        self._telemetry.foresee("work_failed", [(name,)])
        task = asyncio.create_task(self._supervise(name, work))
        try:
            yield
        finally:
            # Below `wait_for` a cancellation is lost that comes together with what was waited for.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_CANCEL_AGAIN_SECONDS)

    async def _supervise(self, name: str, work: Work) -> None:
        while True:
            failure = await _end_of(work)
            await self._sleep(self._note(name, failure))

    def _note(self, name: str, failure: str) -> float:
        """Tell that work has ended; the seconds after which it begins again."""
        self._logger.error("work in the background failed, it begins again", work=name, failure=failure)
        self._telemetry.work_failed(name)
        former = self._failures.get(name)
        count = 1 if former is None or self._is_well(former) else former.count + 1
        pause = backoff_seconds(count, longest_seconds=_LONGEST_PAUSE_SECONDS)
        self._failures[name] = _Failures(count, self._clock.steady() + pause)
        return pause

    def _is_well(self, failures: _Failures) -> bool:
        return self._clock.steady() - failures.begun_at >= _WELL_AFTER_SECONDS


async def _end_of(work: Work) -> str:
    """Run `work` to an end that it should not have; the kind of what ended it."""
    try:
        await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        # What it waited for may have been cancelled, which is no wish that it should end.
        if task is None or task.cancelling():
            raise
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, the work has to go on
        return type(error).__name__
    return "none"
