"""Starts, serves, drains: what is open is closed in reverse order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sessiond_server.adapters.data_directory import DataDirectoryError
from sessiond_server.adapters.embedded import embedded_store, joined_store
from sessiond_server.adapters.store.redis_session_store import PartitionsError
from sessiond_server.adapters.store.soundness import faults_of_store
from sessiond_server.app.assembly import Parts, assemble
from sessiond_server.app.issuers import OwnIssuer
from sessiond_server.app.material import Material, load_material
from sessiond_server.config.checks import EMBEDDED
from sessiond_server.config.dev import dev_settings
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import KeySettings, Settings
from sessiond_server.domain.address import Address, AddressError
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.log import Log
from sessiond_server.service.provider_revocations import revoke_queued
from sessiond_server.transport.engine import Engine
from sessiond_server.transport.grpcio_engine import GrpcioEngine
from sessiond_server.transport.guard import guard, guard_stream
from sessiond_server.transport.http import KEY_SET_PATH, HttpServer, LocalDocuments
from sessiond_server.transport.metrics import Metrics
from sessiond_server.transport.observe import observe, observe_stream
from sessiond_server.transport.permissions import authenticated, authenticated_stream
from sessiond_server.transport.session_service import SERVICE, SessionService

_READINESS_SECONDS: Final = 0.2
_LOOP_MEASURE_SECONDS: Final = 0.02
_STORE_RETRY_SECONDS: Final = 0.5
_STORE_CHECK_SECONDS: Final = 30.0
_REVOCATION_QUEUE_SECONDS: Final = 5.0


class StartError(Exception):
    """The service cannot start with what it was given; the message is a line for a person, or one for each mistake."""


async def run_dev(*, listen: Address, http: Address, data: Path, join: bool, log: Log) -> None:
    """Serve on one machine without configuration until SIGTERM or SIGINT; with `join`, on the store that runs on `data`."""
    keys, url = KeySettings(), f"{EMBEDDED}{data}"
    signing: tuple[Path, ...] = ()
    if join:
        try:
            store = joined_store(data)
        except DataDirectoryError as error:
            raise StartError(str(error)) from error
        keys = KeySettings(pepper_files=(store.directory / "pepper",), sealing_files=(store.directory / "sealing-key",))
        signing, url = (store.directory / "signing-key.pem",), f"unix://{store.socket_path}"
    settings = dev_settings(listen=listen, http=http, store_url=url, keys=keys, signing_key_files=signing)
    await run(settings, log=log)


async def run(settings: Settings, *, log: Log) -> None:
    """Serve until SIGTERM or SIGINT, then drain; raises `StartError`."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        async with AsyncExitStack() as stack:
            engine = await _start(settings, stack, stopping, log=log)
            if engine is not None:
                await stopping.wait()
                await _say_farewell(settings, engine, log=log)
    except (AddressError, ConfigurationError, DataDirectoryError, PartitionsError) as error:
        raise StartError(str(error)) from error
    log.info("stopped")


async def _start(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event, *, log: Log) -> Engine | None:
    """Everything that runs, until `stack` closes; None where it was told to stop before it could begin."""
    metrics = Metrics()
    store_url, directory = await open_store(settings, stack, log=log)
    material = load_material(settings, directory=directory, log=log)
    parts = await assemble(settings, material, store_url=store_url, stack=stack, metrics=metrics, log=log)
    http_address = await _start_http(settings, parts, stack, metrics=metrics)
    if not await _claim_store(parts, stopping, log=log):
        return None
    engine = _engine(settings, parts, material, metrics=metrics, log=log)
    address = await engine.start()
    for work in _work(settings, parts, engine, metrics=metrics, log=log):
        await stack.enter_async_context(_background(work))
    # In the end calls are finished first, then what goes on without its caller; all the while revocations are read.
    stack.push_async_callback(parts.upstream.drain)
    stack.push_async_callback(engine.stop, grace_seconds=settings.server.drain_grace.total_seconds())
    fields = {"data": str(directory)} if directory else {}
    log.info("listening", grpc=str(address), http=str(http_address), **fields)
    return engine


async def open_store(settings: Settings, stack: AsyncExitStack, *, log: Log) -> tuple[str, Path | None]:
    """The store's address, and the directory of an embedded one, which is started here."""
    url = settings.store.url
    if not url.startswith(EMBEDDED):
        return url, None
    store = await stack.enter_async_context(embedded_store(Path(url.removeprefix(EMBEDDED)), log=log))
    return f"unix://{store.socket_path}", store.directory


async def _start_http(settings: Settings, parts: Parts, stack: AsyncExitStack, *, metrics: Metrics) -> Address:
    own = parts.own
    documents = None
    if own:
        documents = LocalDocuments(own.policy.issuer, _key_set_url(own), own.minter.algorithms, own.minter.jwks)
    http = HttpServer(settings.server.http, local=documents, unready=parts.unready, metrics=metrics)
    address = await http.start()
    stack.push_async_callback(http.stop)
    return address


def _key_set_url(own: OwnIssuer) -> str | None:
    """Where others find the local issuer's keys: below its name, where that is an address that others can reach."""
    issuer = own.settings.issuer
    return own.settings.jwks_url or (f"{issuer.rstrip('/')}{KEY_SET_PATH}" if issuer.startswith("https://") else None)


async def _claim_store(parts: Parts, stopping: asyncio.Event, *, log: Log) -> bool:
    """Wait for the store, and make sure that it is ours to use; False where it was told to stop meanwhile."""
    said = False
    while not stopping.is_set():
        try:
            await parts.store.claim()
        except StoreUnavailableError:
            if not said:
                log.warning("waiting for the store")
            said = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _STORE_RETRY_SECONDS)
        else:
            return True
    return False


def _engine(settings: Settings, parts: Parts, material: Material, *, metrics: Metrics, log: Log) -> Engine:
    service, callers = SessionService(parts.validation, parts.sessions, parts.endings), parts.callers
    return GrpcioEngine(
        settings.server.listen,
        service=SERVICE,
        methods={
            name: observe(guard(authenticated(handler, callers=callers), log=log), metrics=metrics, log=log)
            for name, handler in service.methods().items()
        },
        streams={
            name: observe_stream(guard_stream(authenticated_stream(handler, callers=callers), log=log), metrics=metrics, log=log)
            for name, handler in service.streams().items()
        },
        with_reflection=settings.server.reflection,
        certificates=material.certificate,
        socket_mode=settings.server.socket_mode,
    )


def _work(settings: Settings, parts: Parts, engine: Engine, *, metrics: Metrics, log: Log) -> list[Coroutine[Any, Any, None]]:
    """What runs beside the calls."""
    return [
        parts.revocations.poll(interval_seconds=settings.revocation.poll.total_seconds()),
        _check_store(parts, accepted=settings.store.accept_risks, log=log),
        *(one.key_set.keep_fresh() for one in parts.remote),
        revoke_queued(parts.queue, parts.providers, interval_seconds=_REVOCATION_QUEUE_SECONDS, log=log),
        _report_health(engine, parts.unready, log=log),
        _measure_loop(metrics),
    ]


async def _measure_loop(metrics: Metrics) -> None:
    """Measure how long the event loop keeps timers waiting: the first number to grow under too much load."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + _LOOP_MEASURE_SECONDS
        await asyncio.sleep(_LOOP_MEASURE_SECONDS)
        metrics.observe_loop_delay(max(0.0, clock() - due))


async def _check_store(parts: Parts, *, accepted: Sequence[str], log: Log) -> None:
    """Look again and again at the settings of the store: whoever can change them may do so while we run."""
    while True:
        with suppress(StoreUnavailableError):
            faults = await faults_of_store(parts.scripts, accepted=accepted)
            if faults and faults != parts.store_faults:
                log.error("the store could lose what was acknowledged", reasons=faults)
            parts.store_faults = faults
        await asyncio.sleep(_STORE_RETRY_SECONDS if parts.store_faults is None else _STORE_CHECK_SECONDS)


async def _report_health(engine: Engine, unready: Callable[[], Sequence[str]], *, log: Log) -> None:
    """Tell the health service whenever readiness changes: SERVING is earned, and can be lost."""
    was_serving, told = False, None
    while True:
        reasons = unready()
        if was_serving is bool(reasons):
            was_serving = not reasons
            await engine.set_serving(serving=was_serving)
        if reasons != told:
            told = reasons
            log.info("not serving" if reasons else "serving", reasons=reasons)
        await asyncio.sleep(_READINESS_SECONDS)


async def _say_farewell(settings: Settings, engine: Engine, *, log: Log) -> None:
    server = settings.server
    log.info("stopping", grace_seconds=server.drain_grace.total_seconds())
    await engine.set_serving(serving=False)
    await asyncio.sleep(server.drain_delay.total_seconds())


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` until the context closes."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
