"""Several processes that take calls at one port, and their parent, which shows them as one server.

The parent takes no calls: it starts the workers, begins a dead one again, and has the HTTP port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from sessiond_server.adapters.logs import at_level
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.adapters.telemetry.exposition import expose
from sessiond_server.adapters.telemetry.merged import MergedMetrics
from sessiond_server.adapters.workers.link import LinkEndedError
from sessiond_server.adapters.workers.process import WorkerProcess, start_worker
from sessiond_server.app.background import unseen_failures
from sessiond_server.app.front import HttpFront, Shown
from sessiond_server.app.issuers import find_local_issuer
from sessiond_server.app.secrets import load_secrets
from sessiond_server.app.serve import StartError, telemetry_of_process
from sessiond_server.app.stop import Stop, on_signals
from sessiond_server.app.supervision import Supervision
from sessiond_server.app.worker import HURRY, LISTENING, METRICS, REFUSED, REPORT, STOP
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import Settings
from sessiond_server.domain.address import AddressError
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Exposition
from sessiond_server.transport.addresses import shared_port

_ASK_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
# Whoever scrapes waits for ten.
_COUNT_SECONDS: Final = 2.0
# Where the whole machine stood still, an answer is late once. To load everything takes a while longer.
_MISSED_AT_MOST: Final = 2
_MISSED_AT_THE_START: Final = 12
# What a server does after its calls are finished, and before it has ended.
_CLOSING_SECONDS: Final = 15.0


async def run_workers(
    settings: Settings, *, module: str, logger: Logger, lines_dropped: Callable[[], int]
) -> Logger:
    """Serve by `server.workers` processes that run `module`, until SIGTERM or SIGINT. Raises `StartError`.

    All of them drain then; a second signal cuts the delay of each.
    """
    logger = at_level(logger, settings.log.level)
    telemetry = telemetry_of_process(lines_dropped)
    asyncio.get_running_loop().set_exception_handler(unseen_failures(logger))
    stop = Stop()
    on_signals(stop.ask)
    try:
        async with AsyncExitStack() as stack:
            # Every mistake is told once, before there are processes that would each tell it.
            secrets = load_secrets(settings, directory=None, logger=logger)
            listen = stack.enter_context(shared_port(settings.server.listen))
            settings = replace(settings, server=replace(settings.server, listen=listen))
            counted = MergedMetrics(telemetry)
            supervision = Supervision(clock=SystemClock(), telemetry=telemetry, logger=logger)
            workers = [Worker(number, settings, module, counted, logger) for number in _numbers(settings)]
            crew = Crew(workers, counted, supervision)
            telemetry.gauge("ready", "1 where /readyz is well, 0 where not", lambda: crew.is_ready)
            telemetry.gauge("workers", "Workers that there should be", lambda: len(workers))
            telemetry.gauge("workers_ready", "Workers that should get calls", lambda: crew.ready)
            local = find_local_issuer(settings, secrets.signing_keys)
            front = HttpFront(settings, logger=logger)
            await front.open(
                Shown(local, crew.not_ready_reasons, crew.remarks, crew.expose, telemetry), stack
            )
            for one in workers:
                await stack.enter_async_context(supervision.running(f"worker {one.number}", one.run))
            if await crew.begin(stop):
                front.listening(listen, workers=len(workers))
                await stop.asked.wait()
            server = settings.server
            delay_seconds, grace_seconds = (
                server.drain_delay.total_seconds(),
                server.drain_grace.total_seconds(),
            )
            logger.info("stopping", delay_seconds=delay_seconds, grace_seconds=grace_seconds)
            await crew.drain(stop, within_seconds=delay_seconds + grace_seconds + _CLOSING_SECONDS)
    except (AddressError, ConfigurationError) as error:
        raise StartError(str(error)) from error
    return logger


def _numbers(settings: Settings) -> Iterable[int]:
    return range(1, settings.server.workers + 1)


class Worker:
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
        if self._is_stopping:
            await asyncio.Event().wait()
        answers = {LISTENING: self._listens, REFUSED: self._refuse}
        self.has_ended.clear()
        process = self._process = await start_worker(
            self._module, {"settings": self._settings, "number": self.number}, answers
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(process.link.run()),
                    tasks.create_task(self._keep_asking(process)),
                ]
                if self._is_stopping:
                    self.stop()
                status = await process.process.wait()
                for one in others:
                    one.cancel()
        finally:
            process.kill()
            self._process, self.reasons, self.remarks = None, ["it has ended"], []
            self._counted.gone(self.number)
            self.has_ended.set()
        if not self._is_stopping:
            self._logger.error(
                "a worker has ended, another takes its place", worker=self.number, status=status
            )
            return
        await asyncio.Event().wait()

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


class Crew:
    """All workers as one server: it is ready where one of them is."""

    def __init__(self, workers: list[Worker], counted: MergedMetrics, supervision: Supervision) -> None:
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
        return [*stopping, *dict.fromkeys(chain.from_iterable(one.reasons for one in self._workers))]

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
