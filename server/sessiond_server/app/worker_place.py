"""A place for one of several workers: its process is begun again whenever it ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from sessiond_server.adapters.telemetry.merged import MergedMetrics
from sessiond_server.adapters.workers.link import LinkEndedError
from sessiond_server.adapters.workers.process import WorkerProcess, start_worker
from sessiond_server.app.worker import HURRY, LISTENING, METRICS, REFUSED, REPORT, STOP
from sessiond_server.config.settings import Settings
from sessiond_server.service.logger import Logger

_ASK_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
# Whoever scrapes waits for ten.
_COUNT_SECONDS: Final = 2.0
# Where the whole machine stood still, an answer is late once. To load everything takes a while longer.
_MISSED_AT_MOST: Final = 2
_MISSED_AT_THE_START: Final = 12


class WorkerPlace:
    """A place for a process, and the one that has it now.

    `reasons` are those for which it should not get calls, and `remarks` what else it says of itself.
    """

    def __init__(
        self, number: int, settings: Settings, module: str, counted: MergedMetrics, logger: Logger
    ) -> None:
        self.number = number
        self._settings = settings
        self._module = module
        self._counted = counted
        self._logger = logger
        self._process: WorkerProcess | None = None
        self._is_stopping = False
        self.has_ended = asyncio.Event()
        self.has_ended.set()
        self.listens = asyncio.Event()
        self.was_refused = asyncio.Event()
        self.refusal = ""
        self.tells_refusals = False
        self.reasons: list[str] = ["it starts"]
        self.remarks: list[str] = []

    async def run(self) -> None:
        """Run a process to its end; where that was wanted, nothing follows."""
        if not self._is_stopping:
            await self._run_one()
        if self._is_stopping:
            await asyncio.Event().wait()

    async def _run_one(self) -> None:
        self.has_ended.clear()
        answers = {LISTENING: self._listens, REFUSED: self._refuse}
        try:
            given = {"settings": self._settings, "number": self.number}
            process = self._process = await start_worker(self._module, given, answers)
            status = await self._accompany(process)
        finally:
            self.kill()
            self._process, self.reasons, self.remarks = None, ["it has ended"], []
            self._counted.gone(self.number)
            self.has_ended.set()
        if not self._is_stopping:
            self._logger.error(
                "a worker has ended, another takes its place", worker=self.number, status=status
            )

    async def _accompany(self, process: WorkerProcess) -> int:
        """Hear and ask a process until it has ended; its status."""
        if self._is_stopping:
            self.stop()
        async with asyncio.TaskGroup() as tasks:
            # Its last words are heard even where its end is known first.
            tasks.create_task(process.link.run())
            asking = tasks.create_task(self._keep_asking(process))
            status = await process.process.wait()
            asking.cancel()
        return status

    async def count(self) -> None:
        """Ask what it has counted; where it does not say so in time, what it said before stands."""
        if process := self._process:
            with suppress(TimeoutError, LinkEndedError):
                counted = await process.link.ask(METRICS, within_seconds=_COUNT_SECONDS)
                # One that has ended meanwhile is among those that are gone.
                if process is self._process:
                    self._counted.heard(self.number, counted)

    def stop(self) -> None:
        """Let it drain, and let nothing follow."""
        self._is_stopping = True
        if self._process:
            self._process.link.tell(STOP)

    def hurry(self) -> None:
        """Let it wait no longer before it drains."""
        if self._process:
            self._process.link.tell(HURRY)

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.kill()

    async def _listens(self, _: Any) -> None:
        self.listens.set()

    async def _refuse(self, why: Any) -> None:
        # Of the first, the whole start comes to nothing, and that is told instead.
        self.refusal = str(why)
        self.was_refused.set()
        if self.tells_refusals:
            self._logger.error("a worker cannot start", worker=self.number, reasons=self.refusal.splitlines())

    async def _keep_asking(self, process: WorkerProcess) -> None:
        """Ask how it is; one that does not answer for long is as good as dead, and is made so."""
        missed, at_most = 0, _MISSED_AT_THE_START
        while missed < at_most:
            try:
                report = await process.link.ask(REPORT, within_seconds=_ANSWER_SECONDS)
            except (TimeoutError, LinkEndedError):
                missed, self.reasons = missed + 1, ["it does not answer"]
            else:
                missed, at_most = 0, _MISSED_AT_MOST
                self.reasons, self.remarks = report["reasons"], report["remarks"]
            await asyncio.sleep(_ASK_SECONDS)
        self._logger.error("a worker does not answer, it is killed", worker=self.number)
        process.kill()
