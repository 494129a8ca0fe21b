"""The composition root: the one module that knows every concrete class; starts them, drains, and closes in reverse order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sessiond_server.adapters.data_directory import DataDirectoryError, secret_file
from sessiond_server.adapters.embedded import EmbeddedStore, embedded_store, joined_store
from sessiond_server.adapters.jwt.local_issuer import LocalIssuer, SigningKey, create_signing_key
from sessiond_server.adapters.jwt.parser import StrictTokenParser, claims_object
from sessiond_server.adapters.jwt.verification import KeyUnfitError
from sessiond_server.adapters.key_files import KeyFileError, read_key, read_private_file
from sessiond_server.adapters.store.client import Scripts, connect
from sessiond_server.adapters.store.redis_revocation_log import RedisRevocationLog
from sessiond_server.adapters.store.redis_session_store import PartitionsError, RedisSessionStore
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.config import DEV_CLIENT, DEV_ISSUER, DevSettings
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.refresh_token import Peppers
from sessiond_server.domain.session import Lifetimes
from sessiond_server.service.log import Log
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.sessions import Sessions
from sessiond_server.service.token_cache import TokenCache
from sessiond_server.service.validation import TrustedIssuer, Validation
from sessiond_server.transport.addresses import Address, AddressError
from sessiond_server.transport.codec.validation import encode_claims
from sessiond_server.transport.engine import Engine
from sessiond_server.transport.grpcio_engine import GrpcioEngine
from sessiond_server.transport.guard import guard, guard_stream
from sessiond_server.transport.http import HttpServer, discovery_document
from sessiond_server.transport.metrics import Metrics
from sessiond_server.transport.observe import observe, observe_stream
from sessiond_server.transport.session_service import SERVICE, SessionService

_PARTITIONS = 1
_READINESS_SECONDS = 0.2


class StartError(Exception):
    """The service cannot start with what it was given; the message is one line for a person."""


async def run_dev(settings: DevSettings, *, log: Log) -> None:
    """Serve until SIGTERM or SIGINT, then drain; raises `StartError`."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        async with _serving(settings, log=log):
            await stopping.wait()
            log.info("stopping", grace_seconds=settings.drain_grace.total_seconds())
    except (AddressError, DataDirectoryError, KeyFileError, PartitionsError) as error:
        raise StartError(str(error)) from error
    except StoreUnavailableError as error:
        raise StartError(f"{settings.data}: its store does not answer") from error
    log.info("stopped")


@asynccontextmanager
async def _serving(settings: DevSettings, *, log: Log) -> AsyncIterator[None]:
    """Everything that runs, for as long as the context is open."""
    listen, http_listen = _local(settings.listen), _local(settings.http)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store = (
            joined_store(settings.data)
            if settings.join
            else await stack.enter_async_context(embedded_store(settings.data, log=log))
        )
        parts = await _assemble(settings, store, stack, metrics=metrics, log=log)
        http = HttpServer(
            http_listen,
            discovery=lambda: discovery_document(
                DEV_ISSUER, key_set_url=f"http://{http_address}/.well-known/jwks.json", algorithms=parts.issuer.algorithms
            ),
            key_set=parts.issuer.jwks,
            unready=parts.unready,
            metrics=metrics,
        )
        http_address = await http.start()
        stack.push_async_callback(http.stop)
        engine = _engine(listen, parts, metrics=metrics, log=log)
        address = await engine.start()
        stack.push_async_callback(engine.stop, grace_seconds=settings.drain_grace.total_seconds())
        interval = settings.poll_interval.total_seconds()
        await stack.enter_async_context(_background(parts.revocations.poll(interval_seconds=interval)))
        await stack.enter_async_context(_background(_report_health(engine, parts.unready, log=log)))
        log.info("listening", grpc=str(address), http=str(http_address), data=str(store.directory))
        yield
        await engine.set_serving(serving=False)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The services of one server."""

    issuer: LocalIssuer
    validation: Validation
    sessions: Sessions
    revocations: Revocations

    def unready(self) -> list[str]:
        """Why this server should not get calls yet, or for now."""
        if not self.revocations.is_synced:
            return ["the revocation log has not been read yet"]
        if not self.revocations.is_fresh:
            return ["the store does not answer"]
        return []


async def _assemble(settings: DevSettings, store: EmbeddedStore, stack: AsyncExitStack, *, metrics: Metrics, log: Log) -> _Parts:
    clock = SystemClock()
    client = connect(store.socket_path)
    stack.push_async_callback(client.aclose)
    scripts = Scripts(client, observe=metrics.observe_store, log=log)
    issuer = _local_issuer(settings, store.directory)
    policy = IssuerPolicy(
        issuer=DEV_ISSUER,
        audiences=frozenset({DEV_CLIENT}),
        algorithms=issuer.algorithms,
        leeway=timedelta(0),
        claims=ClaimMapping(tenant="tenant_id"),
        is_local=True,
    )
    revocations = Revocations(
        RedisRevocationLog(scripts),
        partitions=_PARTITIONS,
        lease_seconds=settings.lease.total_seconds(),
        clock=clock,
        log=log,
        on_resync=metrics.observe_resync,
    )
    cache = TokenCache(max_bytes=settings.token_cache_bytes)
    validation = Validation(
        [TrustedIssuer(policy, issuer.key_set)],
        parser=StrictTokenParser(max_bytes=settings.max_token_bytes),
        cache=cache,
        revocations=revocations,
        clock=clock,
        max_token_bytes=settings.max_token_bytes,
        encode=encode_claims,
    )
    session_store = RedisSessionStore(
        scripts,
        partitions=_PARTITIONS,
        sealing=SealingKeys([read_key(secret_file(store.directory, "sealing-key"))]),
        issuers=[DEV_ISSUER],
        max_per_subject=settings.max_sessions_per_subject,
        log=log,
    )
    await session_store.claim()
    sessions = Sessions(
        session_store,
        policy=policy,
        lifetimes=_lifetimes(settings),
        default_client=DEV_CLIENT,
        minter=issuer,
        peppers=Peppers([read_key(secret_file(store.directory, "pepper"))]),
        validation=validation,
        revocations=revocations,
        read_object=claims_object,
        clock=clock,
        max_token_bytes=settings.max_token_bytes,
        randomness=os.urandom,
        log=log,
    )
    _watch(metrics, cache, revocations)
    return _Parts(issuer, validation, sessions, revocations)


def _engine(listen: Address, parts: _Parts, *, metrics: Metrics, log: Log) -> Engine:
    service = SessionService(parts.validation, parts.sessions)
    return GrpcioEngine(
        listen,
        service=SERVICE,
        methods={name: observe(guard(handler, log=log), metrics=metrics, log=log) for name, handler in service.methods().items()},
        streams={
            name: observe_stream(guard_stream(handler, log=log), metrics=metrics, log=log)
            for name, handler in service.streams().items()
        },
        with_reflection=True,
    )


def _local(text: str) -> Address:
    address = Address.parse(text)
    if not address.is_local:
        raise StartError(f"{text!r} can be reached from elsewhere: dev listens on loopback and Unix sockets only")
    return address


def _local_issuer(settings: DevSettings, directory: Path) -> LocalIssuer:
    path = secret_file(directory, "signing-key.pem", create=create_signing_key)
    try:
        key = SigningKey.from_pem(read_private_file(path))
    except KeyUnfitError as error:
        raise StartError(f"{path}: {error}") from error
    return LocalIssuer([key], access_lifetime=settings.access_lifetime)


def _lifetimes(settings: DevSettings) -> Lifetimes:
    millisecond = timedelta(milliseconds=1)
    return Lifetimes(settings.absolute // millisecond, settings.idle // millisecond, settings.grace // millisecond)


def _watch(metrics: Metrics, cache: TokenCache, revocations: Revocations) -> None:
    metrics.watch("revocation_view_age_seconds", "Age of what is known of revocations", lambda: revocations.age_seconds)
    metrics.watch("revocations", "Revocations held in memory", lambda: len(revocations))
    metrics.watch("token_cache_tokens", "Verified tokens held in memory", lambda: len(cache))
    metrics.watch("token_cache_bytes", "Memory of the verified tokens, estimated", lambda: cache.bytes)
    metrics.watch("token_cache_hits", "Tokens found in the cache", lambda: cache.hits)
    metrics.watch("token_cache_misses", "Tokens not found in the cache", lambda: cache.misses)


async def _report_health(engine: Engine, unready: Callable[[], Sequence[str]], *, log: Log) -> None:
    """Tell the health service whenever readiness changes: SERVING is earned, and can be lost."""
    was_serving = False
    while True:
        reasons = unready()
        if was_serving is bool(reasons):
            was_serving = not reasons
            await engine.set_serving(serving=was_serving)
            log.info("serving" if was_serving else "not serving", reasons=reasons)
        await asyncio.sleep(_READINESS_SECONDS)


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
