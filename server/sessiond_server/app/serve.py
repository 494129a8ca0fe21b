"""Starts, serves and drains; what is open is closed in reverse order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError
from sessiond_server.adapters.embedded.store import embedded_store, joined_store
from sessiond_server.adapters.logs import at_level
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.audit import begin, open_sink
from sessiond_server.app.background import STORE_RETRY_SECONDS, unseen_failures, work_of
from sessiond_server.app.build import build
from sessiond_server.app.descriptors import raise_descriptor_limit
from sessiond_server.app.front import Front, HttpFront, Shown
from sessiond_server.app.readiness import Readiness
from sessiond_server.app.secrets import load_secrets
from sessiond_server.app.stop import Stop, on_signals
from sessiond_server.app.supervision import Supervision
from sessiond_server.app.tracing import open_tracing
from sessiond_server.config.dev import dev_settings
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import EMBEDDED, Settings
from sessiond_server.domain.address import Address, AddressError
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.store_url import StoreKind, socket_url
from sessiond_server.service.audit.events import AuditSink
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.storage.durability import Durability, PartitionsError
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import TracedLogger, Tracer
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.engine.grpcio import GrpcioEngine
from sessiond_server.transport.engine.port import Engine

_READY_SECONDS: Final = 0.05


class StartError(Exception):
    """The service cannot start with what it was given.

    The message is a line for a person, or one line for each mistake.
    """


@dataclass(frozen=True, slots=True)
class _Server:
    """What has to be told that the server stops."""

    engine: Engine
    readiness: Readiness
    limits: Limits


async def run_dev(
    *,
    listen: Address,
    http: Address,
    data: Path,
    join: bool,
    environment: Mapping[str, str],
    logger: Logger,
    lines_dropped: Callable[[], int],
) -> Logger:
    """Serve on one machine without configuration until SIGTERM or SIGINT.

    `join` uses the store that already runs on `data`.
    """
    try:
        store = joined_store(data) if join else None
        settings = dev_settings(
            listen=listen,
            http=http,
            data=store.directory if store else data,
            socket_path=store.socket_path if store else None,
            environment=environment,
        )
    except (ConfigurationError, DataDirectoryError) as error:
        raise StartError(str(error)) from error
    return await run(settings, logger=logger, lines_dropped=lines_dropped)


async def run(settings: Settings, *, logger: Logger, lines_dropped: Callable[[], int]) -> Logger:
    """Serve until SIGTERM or SIGINT, then drain; a second signal cuts the delay. Raises `StartError`.

    `lines_dropped` says how many lines of the log were dropped so far. The answer is the logger of this
    server, for what is to be said once nothing of it is left.
    """
    stop = Stop()
    on_signals(stop.ask)
    front = HttpFront(settings, logger=at_level(logger, settings.log.level))
    return await run_behind(front, settings, stop, logger=logger, lines_dropped=lines_dropped)


async def run_behind(
    front: Front,
    settings: Settings,
    stop: Stop,
    *,
    logger: Logger,
    lines_dropped: Callable[[], int],
) -> Logger:
    """The same until `stop` is asked, shown by `front`."""
    whole_log, logger = logger, at_level(logger, settings.log.level)
    telemetry = telemetry_of_process(lines_dropped)
    asyncio.get_running_loop().set_exception_handler(unseen_failures(logger))
    try:
        async with AsyncExitStack() as stack:
            tracer = await open_tracing(os.environ, stack, telemetry=telemetry, logger=logger)
            logger = TracedLogger(logger, tracer) if tracer else logger
            sink = open_sink(settings.audit, stack, whole_log=whole_log, telemetry=telemetry, logger=logger)
            server = await _start(
                front,
                settings,
                stack,
                stop.asked,
                sink,
                telemetry=telemetry,
                logger=logger,
                tracer=tracer,
            )
            if server is not None:
                # Whoever stops it while it starts need not wait for callers that it never had.
                delay_seconds = 0.0 if stop.asked.is_set() else settings.server.drain_delay.total_seconds()
                await stop.asked.wait()
                await _say_farewell(
                    server,
                    stop,
                    delay_seconds=delay_seconds,
                    grace_seconds=settings.server.drain_grace.total_seconds(),
                    logger=logger,
                )
    except (AddressError, ConfigurationError, DataDirectoryError, PartitionsError) as error:
        raise StartError(str(error)) from error
    return logger


def telemetry_of_process(lines_dropped: Callable[[], int]) -> PrometheusTelemetry:
    """What is counted in this process, and how many lines of its log were dropped."""
    telemetry = PrometheusTelemetry()
    telemetry.counter(
        "log_lines_dropped_total", "Log lines that were dropped because nobody read them", lines_dropped
    )
    return telemetry


async def _start(
    front: Front,
    settings: Settings,
    stack: AsyncExitStack,
    stopping: asyncio.Event,
    sink: AuditSink,
    *,
    telemetry: PrometheusTelemetry,
    logger: Logger,
    tracer: Tracer | None,
) -> _Server | None:
    """Start everything, to run until `stack` closes; None where it was told to stop before it could begin."""
    store_url, directory = await open_store(settings, stack, telemetry=telemetry, logger=logger)
    secrets = load_secrets(settings, directory=directory, logger=logger)
    # Each partition may be at a node of its own.
    store_nodes = settings.store.number_of_partitions if settings.store.kind is StoreKind.CLUSTER else 1
    raise_descriptor_limit(store_nodes=store_nodes, logger=logger)
    app = await build(
        settings,
        secrets,
        store_url=store_url,
        stack=stack,
        telemetry=telemetry,
        logger=logger,
        sinks=[sink],
        tracer=tracer,
    )
    begin(app.audit, settings, secrets, stack, telemetry=telemetry)
    supervision = Supervision(clock=SystemClock(), telemetry=telemetry, logger=logger)
    readiness = Readiness(app, supervision)
    telemetry.gauge("ready", "1 where /readyz is well, 0 where not", lambda: readiness.is_ready)
    await front.open(
        Shown(app.local_issuer, readiness.not_ready_reasons, readiness.remarks, telemetry.expose, telemetry),
        stack,
    )
    if not await _pin_partitions(app.stores.durability, stopping, logger=logger):
        return None
    engine = GrpcioEngine(
        settings.server.listen,
        app.endpoints,
        is_serving=lambda: readiness.is_ready,
        with_reflection=settings.server.reflection,
        telemetry=telemetry,
        certificates=secrets.certificate,
        socket_mode=settings.server.socket_mode,
        shares_port=front.shares_port,
        tracer=tracer,
    )
    address = None if front.shares_port else await engine.start()
    work = work_of(settings, app, readiness, engine, telemetry=telemetry, logger=logger)
    for name, one in work.items():
        await stack.enter_async_context(supervision.running(name, one))
    if address is None:
        if not await _become_ready(readiness, stopping):
            return None
        address = await engine.start()
    # At the end calls are finished first, then what goes on without its caller; revocations are
    # read until all that is done.
    stack.push_async_callback(app.exchange.drain)
    stack.push_async_callback(app.ahead.drain)
    stack.push_async_callback(app.ends.drain)
    grace_seconds = settings.server.drain_grace.total_seconds()
    stack.push_async_callback(_stop_taking_calls, engine, app.watching, grace_seconds=grace_seconds)
    fields = {"data": str(directory)} if directory else {}
    front.listening(address, **fields)
    return _Server(engine, readiness, app.limits)


async def open_store(
    settings: Settings, stack: AsyncExitStack, *, telemetry: Telemetry, logger: Logger
) -> tuple[str, Path | None]:
    """The store's address, and the directory of an embedded one, which is started here."""
    url = settings.store.url
    if not url.startswith(EMBEDDED):
        return url, None
    directory = Path(url.removeprefix(EMBEDDED))
    store = await stack.enter_async_context(
        embedded_store(directory, logger=logger, died=telemetry.embedded_store_died)
    )
    return socket_url(store.socket_path), store.directory


async def _pin_partitions(durability: Durability, stopping: asyncio.Event, *, logger: Logger) -> bool:
    """Wait for the store, and make sure that it is ours to use; False where it was told to stop meanwhile."""
    said = False
    while not stopping.is_set():
        try:
            await durability.pin_partitions()
        except StoreUnavailableError:
            if not said:
                logger.warning("waiting for the store")
            said = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), STORE_RETRY_SECONDS)
        else:
            return True
    return False


async def _become_ready(readiness: Readiness, stopping: asyncio.Event) -> bool:
    """Return once the server is ready, or False where it was told to stop before."""
    while not readiness.is_ready and not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _READY_SECONDS)
    return not stopping.is_set()


async def _stop_taking_calls(engine: Engine, watching: RevocationWatch, *, grace_seconds: float) -> None:
    """Stop the engine, and end the streams once it has told its peers that their connections close.

    Who comes back at once, as watchers do, comes to another server then.
    """
    stopping = asyncio.create_task(engine.stop(grace_seconds=grace_seconds))
    await asyncio.sleep(0)
    watching.close()
    await stopping


async def _say_farewell(
    server: _Server, stop: Stop, *, delay_seconds: float, grace_seconds: float, logger: Logger
) -> None:
    """Tell everyone to go elsewhere, so that nothing is on its way to the engine when it stops."""
    logger.info("stopping", delay_seconds=delay_seconds, grace_seconds=grace_seconds)
    server.readiness.is_stopping = True
    server.engine.tell_health()
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.asked_again.wait(), delay_seconds)
    await server.limits.close()
