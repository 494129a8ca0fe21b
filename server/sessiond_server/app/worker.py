"""One of several processes that take calls at the same port: it shows itself to its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from typing_extensions import override

from sessiond_server.adapters.telemetry.merged import Plain
from sessiond_server.adapters.workers.link import Answers, Link
from sessiond_server.app.front import Front, Shown
from sessiond_server.app.serve import StartError, run_behind
from sessiond_server.app.stop import Stop, on_signals
from sessiond_server.config.settings import Settings
from sessiond_server.domain.address import Address
from sessiond_server.service.logger import Logger

STOP, HURRY, REPORT, METRICS = "stop", "hurry", "report", "metrics"
LISTENING, REFUSED = "listening", "refused"
_CANNOT_START: Final = 2


async def run_worker(
    settings: Settings, end: socket.socket, *, logger: Logger, lines_dropped: Callable[[], int]
) -> Logger:
    """Serve until the parent wants it to stop; `end` is our end of the link to it.

    Where it cannot start, the parent is told why, and the process ends.
    """
    stop = Stop()
    # A manager of services may signal every process there is, and the parent tells us as well.
    on_signals(stop.ask_once)
    front = _ParentFront(stop)
    link = front.link = await Link.over(end, front.answers)
    hearing = asyncio.create_task(_hear(link))
    try:
        return await run_behind(front, settings, stop, logger=logger, lines_dropped=lines_dropped)
    except StartError as error:
        # That we end the link ourselves is no end of the parent.
        hearing.cancel()
        link.tell(REFUSED, str(error))
        await link.close()
        sys.exit(_CANNOT_START)
    finally:
        hearing.cancel()


async def _hear(link: Link) -> None:
    """Do what the parent says; once it is gone nobody would ever end this process, which ends itself."""
    await link.run()
    os.kill(os.getpid(), signal.SIGKILL)


class _ParentFront(Front):
    """Shows a worker to its parent, which asks again and again."""

    shares_port = True

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._shown: Shown | None = None
        self._listens = False
        self.link: Link | None = None
        self.answers: Answers = {
            STOP: self._ask,
            HURRY: self._hurry,
            REPORT: self._report,
            METRICS: self._count,
        }

    @override
    async def open(self, shown: Shown, stack: AsyncExitStack) -> None:
        self._shown = shown

    @override
    def listening(self, grpc: Address, **fields: object) -> None:
        self._listens = True
        if self.link:
            self.link.tell(LISTENING)

    async def _ask(self, _: Any) -> None:
        self._stop.ask_once()

    async def _hurry(self, _: Any) -> None:
        self._stop.asked_again.set()

    async def _count(self, _: Any) -> Plain:
        return await self._shown.telemetry.counted() if self._shown else []

    async def _report(self, _: Any) -> dict[str, list[str]]:
        if self._shown is None:
            return {"reasons": ["it starts"], "remarks": []}
        reasons = list(self._shown.not_ready_reasons())
        if not reasons and not self._listens:
            reasons = ["it does not listen yet"]
        return {"reasons": reasons, "remarks": list(self._shown.remarks())}
