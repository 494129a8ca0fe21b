"""The agent as a process: its size, how soon it serves, and what a call costs that it passes on."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import grpc

from bench.processes import output, pinned, resident_mib, running, server_core
from bench.servers import ROOT, Peer, beside
from bench.table import Row
from bench.wire import PATH, SERVICE, validate_request
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.servers import Sessiond

_MODULE: Final = ROOT / "clients" / "go" / "cmd" / "sessiond-agent"
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_SECONDS_TO_START: Final = 30
_STARTS: Final = 5
_VERDICTS: Final = 10_000
_AT_ONCE: Final = 16
_COLD_PAIRS: Final = 1_000
_UNTIMED_PAIRS: Final = 50
# A server whose machine has much else to do says at times that it does not know whether it is up to date.
_PATIENT: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{"service": SERVICE}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.5s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


async def build(to: Path) -> None:
    """Build the agent as its image has it."""
    flags = ("-tags=grpcnotrace", "-trimpath", "-ldflags=-s -w")
    await output("go", "-C", str(_MODULE), "build", *flags, "-o", str(to), ".", seconds=300)


@asynccontextmanager
async def running_agent(program: Path, server: Sessiond) -> AsyncIterator[Peer]:
    """An agent before a server, on the core for what is measured."""
    flags = ("--servers", server.target.address, "--listen", "127.0.0.1:0")
    log = program.with_suffix(".log")
    with log.open("wb") as stderr:
        async with running(*pinned(server_core(), str(program), *flags), stderr=stderr) as process:
            address = await eventually(lambda: _said(log, "grpc").get("grpc", ""), timeout=_SECONDS_TO_START)
            yield Peer(process.pid, await beside(server, address))


def _said(log: Path, key: str, value: str = "") -> dict[str, str]:
    """The first line of a log that has a key, with this value if one is given; empty before there is one."""
    lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    return next((line for line in lines if key in line and value in {"", line[key]}), {})


async def measure(program: Path, server: Sessiond) -> list[Row]:
    """What an agent costs beside its calls."""
    starts = [await _start(program, server) for _ in range(_STARTS)]
    async with running_agent(program, server) as agent:
        empty = resident_mib(agent.pid)
        cold = await asyncio.to_thread(_cold, server, agent)
        await _fill(agent.target.address, server.token)
        full = resident_mib(agent.pid)
    return [
        Row(
            "agent: program and the system's authorities",
            _mb(program, _AUTHORITIES),
            "MB",
            "≤ 20",
        ),
        Row("agent: from its start to SERVING", median(starts), "ms", "≤ 200"),
        Row("agent: a call that it passes on, more than without it", cold, "ms", "≤ 0.3"),
        Row("agent: memory with one verdict", empty, "MiB"),
        Row(f"agent: memory with {_VERDICTS:,} verdicts", full, "MiB", "≤ 25"),
    ]


def _mb(*files: Path) -> float:
    return sum(file.stat().st_size for file in files if file.exists()) / 1e6


async def _start(program: Path, server: Sessiond) -> float:
    """Milliseconds from the start of the process until it says that it serves, by its own clock."""
    log = program.with_suffix(".start")
    flags = ("--servers", server.target.address, "--listen", "127.0.0.1:0")
    with log.open("wb") as stderr:
        began = time.time()
        async with running(*pinned(server_core(), str(program), *flags), stderr=stderr):
            said = await eventually(lambda: _said(log, "msg", "serving"), timeout=_SECONDS_TO_START)
    return (datetime.fromisoformat(said["time"]).timestamp() - began) * 1e3


def _cold(server: Sessiond, agent: Peer) -> float:
    """How many milliseconds longer the median call that only a server can answer takes through an agent."""
    taken: dict[str, list[float]] = {server.target.address: [], agent.target.address: []}
    with (
        grpc.insecure_channel(server.target.address) as one,
        grpc.insecure_channel(agent.target.address) as other,
    ):
        calls: dict[str, Any] = {
            server.target.address: one.unary_unary(PATH),
            agent.target.address: other.unary_unary(PATH),
        }
        for number in range(-_UNTIMED_PAIRS, _COLD_PAIRS):
            for address, call in calls.items():
                began = time.perf_counter()
                call(_spelling(server.token, number), timeout=_SECONDS_TO_START)
                if number >= 0:
                    taken[address].append(time.perf_counter() - began)
    direct, through = map(median, taken.values())
    return (through - direct) * 1e3


async def _fill(address: str, token: str) -> None:
    """Have an agent keep verdicts, each under another spelling of one request."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.service_config", _PATIENT)]) as channel:
        call: Any = channel.unary_unary(PATH)
        for first in range(0, _VERDICTS, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, _VERDICTS))
            requests = [_spelling(token, _COLD_PAIRS + number) for number in numbers]
            await asyncio.gather(*(call(request, timeout=_SECONDS_TO_START) for request in requests))


def _spelling(token: str, number: int) -> bytes:
    """A request that an agent has not seen: of a field that is there twice the last one counts."""
    return validate_request(f"{number}") + validate_request(token)
