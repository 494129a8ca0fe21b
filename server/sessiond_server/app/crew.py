"""Several workers as one server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from sessiond_server.adapters.telemetry.exposition import expose
from sessiond_server.adapters.telemetry.merged import MergedMetrics
from sessiond_server.app.serve import StartError
from sessiond_server.app.stop import Stop
from sessiond_server.app.supervision import Supervision
from sessiond_server.app.worker_place import WorkerPlace
from sessiond_server.service.telemetry import Exposition


class Crew:
    """All workers as one server: it is ready where one of them is."""

    def __init__(
        self, workers: Sequence[WorkerPlace], counted: MergedMetrics, supervision: Supervision
    ) -> None:
        self._workers = workers
        self._counted = counted
        self._supervision = supervision
        self._is_stopping = False

    @property
    def ready(self) -> int:
        """How many of them should get calls."""
        return sum(not one.reasons for one in self._workers)

    @property
    def is_ready(self) -> bool:
        """Whether this machine should get calls."""
        return not self.not_ready_reasons()

    def not_ready_reasons(self) -> list[str]:
        """Why this machine should not get calls yet, or for now; empty when it should."""
        stopping = ["the server is about to stop"] if self._is_stopping else []
        if self.ready:
            return stopping
        of_workers = chain.from_iterable(one.reasons for one in self._workers)
        return list(dict.fromkeys([*stopping, *of_workers]))

    def remarks(self) -> list[str]:
        """What is wrong with some of them, while others take calls, or with all of them."""
        not_ready = [
            f"worker {one.number} is not ready: {reason}"
            for one in self._workers
            if self.ready
            for reason in one.reasons
        ]
        of_workers = dict.fromkeys(chain.from_iterable(one.remarks for one in self._workers))
        return [
            *not_ready,
            *of_workers,
            *(f"fails again and again: {name}" for name in self._supervision.failing),
        ]

    async def expose(self, *, accept: str, accept_encoding: str) -> Exposition:
        """What all of them have counted, as it is now."""
        await asyncio.gather(*(one.count() for one in self._workers))
        return await expose(self._counted, accept=accept, accept_encoding=accept_encoding)

    async def begin(self, stop: Stop) -> bool:
        """Return once one takes calls, or False where it was told to stop before that.

        Raises:
            StartError: one cannot start with what it was given, and so none can.
        """
        events = [stop.asked, *(event for one in self._workers for event in (one.listens, one.was_refused))]
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        for worker in self._workers:
            worker.tells_refusals = True
            if worker.was_refused.is_set():
                raise StartError(worker.refusal)
        return not stop.asked.is_set()

    async def drain(self, stop: Stop, *, within_seconds: float) -> None:
        """Let all of them finish what they have begun; those that take longer are killed."""
        self._is_stopping = True
        for one in self._workers:
            one.stop()
        hurrying = asyncio.create_task(self._hurry(stop))
        ended = (one.has_ended.wait() for one in self._workers)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*ended), within_seconds)
        hurrying.cancel()
        for one in self._workers:
            one.kill()

    async def _hurry(self, stop: Stop) -> None:
        await stop.asked_again.wait()
        for one in self._workers:
            one.hurry()
