"""Refreshes over gRPC at a server on one core: how many a second, and what one takes of processors.

The store, the provider, and the callers have the other core. Callers are a Python program: what is measured
is the server's processor time, and the server is busy all the time, unless it waits for a provider.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import grpc

from bench.h2load import Target
from bench.processes import CommandError, cpu_seconds, environment, load_core, pinned, running, server_core
from bench.servers import ROOT, empty_handler
from bench.wire import PATH
from sessiond import AsyncClient, ProviderTokens
from sessiond.v1.session_service_pb2 import RefreshSessionRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.config import scalekit
from tests.support.idp import Idp, running_idp
from tests.support.local_issuer import on_store
from tests.support.valkeys import Valkey, free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable

    from redis.asyncio import Redis

_CORES: Final = os.sched_getaffinity(0)
_SESSIONS: Final = 32
_ROUNDS: Final = 5
_SECONDS_A_ROUND: Final = 4.0
_SECONDS_OF_SAMPLES: Final = 15.0
_SECONDS_TO_START: Final = 30
_TIMEOUT_SECONDS: Final = 20
_SCRIPTS: Final = frozenset({"cmdstat_eval", "cmdstat_evalsha"})
_DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "everysec")


class Kind(Enum):
    """Whose sessions are refreshed."""

    LOCAL = "local issuer"
    PROVIDER = "provider"


@dataclass(frozen=True)
class Refreshes:
    """What was found: medians of the rounds, and `shares` of the server's time by areas of its code."""

    kind: Kind
    per_second: float
    server_us: float
    store_us: float
    scripts_us: float
    empty_us: float
    at_rest_ms: float
    unanswered: int
    shares: dict[str, float]


@dataclass(frozen=True)
class _Round:
    calls: int
    seconds: float
    server_seconds: float
    store_seconds: float = 0.0
    scripts_seconds: float = 0.0


@dataclass
class _Stage:
    """A server that runs on its store, and the refresh token that each session has now."""

    pid: int
    store_pid: int
    redis: Redis
    stub: SessionServiceStub
    tokens: list[str]
    answer_bytes: int = 0
    unanswered: int = 0

    async def refresh(self, number: int) -> None:
        """Refresh a session once; what a busy machine leaves without an answer is asked for again."""
        request = RefreshSessionRequest(refresh_token=self.tokens[number])
        try:
            answer = await self.stub.RefreshSession(request, timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            self.unanswered += 1
            return
        self.tokens[number] = answer.tokens.refresh_token
        self.answer_bytes = answer.ByteSize()

    async def round(self, seconds: float) -> _Round:
        """Refresh every session again and again for so long."""
        scripts, store, server = await self._scripts(), cpu_seconds(self.store_pid), cpu_seconds(self.pid)
        calls, took = await _flood(self.refresh, seconds)
        return _Round(
            calls,
            took,
            cpu_seconds(self.pid) - server,
            cpu_seconds(self.store_pid) - store,
            await self._scripts() - scripts,
        )

    async def _scripts(self) -> float:
        """Seconds that the store has spent in scripts until now."""
        found = await self.redis.info("commandstats")
        return float(sum(found[name]["usec"] for name in found.keys() & _SCRIPTS)) / 1e6


async def measure(kind: Kind) -> Refreshes:
    """Rounds at a server and at an empty handler in turns; then samples of another server's work."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        async with _stage(kind, Path(directory), "sessiond_server") as stage:
            await stage.round(_SECONDS_A_ROUND)
            at_rest_ms = await _rest(stage)
            rounds, empty = await _in_turns(stage)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        shares = await _sampled(kind, Path(directory))
    return Refreshes(
        kind,
        median(one.calls / one.seconds for one in rounds),
        _us_a_call(rounds, "server_seconds"),
        _us_a_call(rounds, "store_seconds"),
        _us_a_call(rounds, "scripts_seconds"),
        _us_a_call(empty, "server_seconds"),
        at_rest_ms,
        stage.unanswered,
        shares,
    )


def _us_a_call(rounds: list[_Round], field: str) -> float:
    return float(median(getattr(one, field) / one.calls * 1e6 for one in rounds))


async def _in_turns(stage: _Stage) -> tuple[list[_Round], list[_Round]]:
    like = Target("", None, stage.answer_bytes)
    async with empty_handler(like) as peer, grpc.aio.insecure_channel(peer.target.address) as channel:
        call: Any = channel.unary_unary(PATH)
        body = RefreshSessionRequest(refresh_token=stage.tokens[0]).SerializeToString()

        async def ask(_number: int) -> None:
            await call(body, timeout=_TIMEOUT_SECONDS)

        rounds, empty = [], []
        for _ in range(_ROUNDS):
            rounds.append(await stage.round(_SECONDS_A_ROUND))
            before = cpu_seconds(peer.pid)
            calls, took = await _flood(ask, _SECONDS_A_ROUND / 4)
            empty.append(_Round(calls, took, cpu_seconds(peer.pid) - before))
        return rounds, empty


async def _rest(stage: _Stage) -> float:
    """Milliseconds of a processor that the server takes in a second in which nobody calls."""
    before = cpu_seconds(stage.pid)
    await asyncio.sleep(_SECONDS_A_ROUND)
    return (cpu_seconds(stage.pid) - before) / _SECONDS_A_ROUND * 1000


async def _flood(ask: Callable[[int], Awaitable[None]], seconds: float) -> tuple[int, float]:
    """Have every session's caller ask again and again for so long: how many answers, and in how long."""
    _keep(os.getpid(), {load_core()})
    clock = asyncio.get_running_loop().time
    began, calls = clock(), 0

    async def caller(number: int) -> None:
        nonlocal calls
        while clock() - began < seconds:
            await ask(number)
            calls += 1

    try:
        await asyncio.gather(*map(caller, range(_SESSIONS)))
    finally:
        _keep(os.getpid(), _CORES)
    return calls, clock() - began


async def _sampled(kind: Kind, directory: Path) -> dict[str, float]:
    samples = directory / "samples.json"
    async with _stage(kind, directory, "bench.sampled_server", str(samples)) as stage:
        await stage.round(_SECONDS_A_ROUND)
        os.kill(stage.pid, signal.SIGUSR1)
        await stage.round(_SECONDS_OF_SAMPLES)
    counts: dict[str, int] = json.loads(samples.read_text())
    return {area: count / sum(counts.values()) for area, count in counts.items()}


@asynccontextmanager
async def _stage(kind: Kind, directory: Path, *program: str) -> AsyncIterator[_Stage]:
    async with AsyncExitStack() as stack:
        store = Valkey(directory / "store", free_port(), _DURABLE)
        stack.push_async_callback(store.close)
        await store.start()
        if store.process is None:
            raise CommandError("the store does not run")
        _keep(store.process.pid, {load_core()})
        config, idp = on_store(directory, store.url, durability="local"), None
        if kind is Kind.PROVIDER:
            idp = await stack.enter_async_context(running_idp(directory / "idp.json"))
            if idp.process:
                _keep(idp.process.pid, {load_core()})
            config.issuers.append(scalekit(idp.issuer, directory, tenants=["org_1"]))
        command = (sys.executable, "-P", "-m", *program, "serve", "--config", str(config.write()))
        log = directory / "log"
        process = await stack.enter_async_context(_server(log, *command))
        address = await eventually(lambda: _address(process, log), timeout=_SECONDS_TO_START)
        tokens = await _log_in(address, idp)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        # The generated stub has no types for its methods.
        yield _Stage(process.pid, store.process.pid, store.redis, SessionServiceStub(channel), tokens)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _server(log: Path, *command: str) -> AsyncIterator[Process]:
    sources = (ROOT / "server", ROOT / "clients" / "python" / "src", ROOT)
    with log.open("wb") as stderr:
        async with running(
            *pinned(server_core(), *command), env=environment(*sources), stderr=stderr
        ) as process:
            yield process


def _address(process: Process, log: Path) -> str:
    """Where it listens, once it serves."""
    if process.returncode is not None:
        raise CommandError(f"sessiond ended with {process.returncode}: {log.read_text()}")
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    serves = any(line["event"] == "serving" for line in lines)
    return next((line["grpc"] for line in lines if line["event"] == "listening"), "") if serves else ""


async def _log_in(address: str, idp: Idp | None) -> list[str]:
    """The refresh token of each session, which are at the provider if there is one."""
    async with AsyncClient(address, timeout=_TIMEOUT_SECONDS) as client:

        async def one(number: int) -> str:
            if idp is None:
                return (await client.create_local_session(f"user-{number}", client_id="web")).refresh_token
            given = await idp.login()
            opened = ProviderTokens(given["access_token"], given["refresh_token"], given.get("id_token", ""))
            return (await client.create_session(idp.issuer, opened)).refresh_token

        # A store that has just begun takes no login of the seconds before that.
        await asyncio.sleep(3)
        return [await one(number) for number in range(_SESSIONS)]


def _keep(pid: int, cores: set[int]) -> None:
    """Have every thread of a process run on these cores alone."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
