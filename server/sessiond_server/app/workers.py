"""The parent of several processes that take calls at one port; it takes none itself.

It starts them, begins a dead one again, and has the HTTP port, where it shows them as one server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from sessiond_server.adapters.logs import at_level
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.adapters.telemetry.merged import MergedMetrics
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.background import unseen_failures
from sessiond_server.app.crew import Crew
from sessiond_server.app.front import HttpFront, Shown
from sessiond_server.app.issuers import find_local_issuer
from sessiond_server.app.secrets import load_secrets
from sessiond_server.app.serve import StartError, telemetry_of_process
from sessiond_server.app.stop import Stop, on_signals
from sessiond_server.app.supervision import Supervision
from sessiond_server.app.worker_place import WorkerPlace
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import Settings
from sessiond_server.domain.address import AddressError
from sessiond_server.service.logger import Logger
from sessiond_server.transport.addresses import shared_port

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
            listen = stack.enter_context(shared_port(settings.server.listen))
            settings = replace(settings, server=replace(settings.server, listen=listen))
            front = HttpFront(settings, logger=logger)
            crew = await _open_crew(settings, front, stack, module=module, telemetry=telemetry, logger=logger)
            if await crew.begin(stop):
                front.listening(listen, workers=settings.server.workers)
                await stop.asked.wait()
            await _drain(crew, settings, stop, logger=logger)
    except (AddressError, ConfigurationError) as error:
        raise StartError(str(error)) from error
    return logger


async def _open_crew(
    settings: Settings,
    front: HttpFront,
    stack: AsyncExitStack,
    *,
    module: str,
    telemetry: PrometheusTelemetry,
    logger: Logger,
) -> Crew:
    """Start all workers, to run until `stack` closes, and show them over HTTP."""
    # Every mistake is told once, before there are processes that would each tell it.
    secrets = load_secrets(settings, directory=None, logger=logger)
    counted, numbers = MergedMetrics(telemetry), range(1, settings.server.workers + 1)
    places = [WorkerPlace(number, settings, module, counted, logger) for number in numbers]
    supervision = Supervision(clock=SystemClock(), telemetry=telemetry, logger=logger)
    crew = Crew(places, counted, supervision)
    telemetry.gauge("ready", "1 where /readyz is well, 0 where not", lambda: crew.is_ready)
    telemetry.gauge("workers", "Workers that there should be", lambda: len(places))
    telemetry.gauge("workers_ready", "Workers that should get calls", lambda: crew.ready)
    local = find_local_issuer(settings, secrets.signing_keys)
    await front.open(Shown(local, crew.not_ready_reasons, crew.remarks, crew.expose, telemetry), stack)
    for one in places:
        await stack.enter_async_context(supervision.running(f"worker {one.number}", one.run))
    return crew


async def _drain(crew: Crew, settings: Settings, stop: Stop, *, logger: Logger) -> None:
    delay_seconds = settings.server.drain_delay.total_seconds()
    grace_seconds = settings.server.drain_grace.total_seconds()
    logger.info("stopping", delay_seconds=delay_seconds, grace_seconds=grace_seconds)
    await crew.drain(stop, within_seconds=delay_seconds + grace_seconds + _CLOSING_SECONDS)
