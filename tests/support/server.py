"""A real `sessiond dev`, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp

from sessiond_server.adapters.embedded.process import listener_pid
from tests.support import forked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.forked import Forked

ISSUER = "http://sessiond.localhost"
CLIENT_ID = "sessiond-dev"
SECONDS_TO_START = 30
LIMITED = 'ulimit -S -n "$0" && ulimit -H -n "$1" && shift && exec "$@"'


@dataclass
class Server:
    """A server that runs, or has run; `data` is the directory of its store and keys."""

    process: Process | Forked
    data: Path
    log: Path
    grpc: str = ""
    """What is called: the server, or what stands in front of it."""
    http: str = ""
    key_file: Path | None = None
    """A key for what nobody may do without one."""

    @property
    def key(self) -> str | None:
        """The same as a text."""
        return self.key_file.read_text().strip() if self.key_file else None

    @property
    def at(self) -> tuple[str, ...]:
        """The arguments of commands that call it."""
        key = ("--key-file", str(self.key_file)) if self.key_file else ()
        return ("--addr", self.grpc, *key)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; a last line that is not whole yet is left out."""
        return [
            json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]

    async def said(self, **fields: Any) -> list[dict[str, Any]]:
        """The lines that have these fields, once there is one: a line is written after what it tells of."""
        return await eventually(lambda: [line for line in self.lines() if fields.items() <= line.items()])

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    def calls(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == "call"]

    @property
    def store_pid(self) -> int | None:
        """The process id of its Valkey; None where none listens."""
        return listener_pid(self.data / "valkey.sock")

    async def page(self, path: str) -> tuple[int, list[str]]:
        """What it answers over HTTP: the status, and the lines."""
        async with aiohttp.ClientSession() as web, web.get(f"http://{self.http}{path}") as answer:
            return answer.status, (await answer.text()).splitlines()

    async def kill(self) -> None:
        """End it as a crash would, and return when its Valkey has ended too."""
        self.process.kill()
        await self.process.wait()
        await eventually(lambda: self.store_pid is None)

    async def stop(self) -> int:
        """End it as an orchestrator would; the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


Front: TypeAlias = Callable[[Server], AbstractAsyncContextManager[str]]
_fronts: list[Front] = []


@contextmanager
def in_front(front: Front) -> Iterator[None]:
    """Put something in front of every server that begins here: `front` gives its address."""
    _fronts.append(front)
    yield
    _fronts.pop()


async def sessiond(
    *arguments: str, log: Path, descriptors: tuple[int, int] | None = None
) -> Process | Forked:
    """Start the command line with `arguments`, its standard error appended to `log`.

    `descriptors` are the soft and the hard limit that it begins with.
    """
    with log.open("ab") as stderr:
        if descriptors is None:
            return await forked.start("sessiond_server", *arguments, stderr=stderr.fileno())
        limit = ("sh", "-c", LIMITED, *map(str, descriptors))
        return await asyncio.create_subprocess_exec(
            *limit, sys.executable, "-m", "sessiond_server", *arguments, stderr=stderr
        )


@asynccontextmanager
async def running(
    data: Path,
    log: Path,
    *,
    join: bool = False,
    listen: str = "127.0.0.1:0",
    http: str = "127.0.0.1:0",
    descriptors: tuple[int, int] | None = None,
) -> AsyncIterator[Server]:
    """A server that serves, on free ports; `join` shares the store of the one that runs on `data`."""
    arguments = ("dev", "--listen", listen, "--http", http, "--join" if join else "--data", str(data))
    async with _running(arguments, data, log, descriptors=descriptors) as server:
        yield server


@asynccontextmanager
async def serving(
    config: Path, data: Path, log: Path, *arguments: str, until: str = "serving"
) -> AsyncIterator[Server]:
    """A server with a configuration, whose embedded store is on `data`.

    `until` is the event that is waited for.
    """
    async with _running(("serve", "--config", str(config), *arguments), data, log, until=until) as server:
        yield server


@asynccontextmanager
async def _running(
    arguments: tuple[str, ...],
    data: Path,
    log: Path,
    *,
    until: str = "serving",
    descriptors: tuple[int, int] | None = None,
) -> AsyncIterator[Server]:
    process = await sessiond(*arguments, log=log, descriptors=descriptors)
    server = Server(process, data, log)
    try:
        await eventually(
            lambda: process.returncode is not None or until in server.events(), timeout=SECONDS_TO_START
        )
        assert process.returncode is None, log.read_text()
        for line in server.lines():
            if line["event"] == "listening":
                server.grpc, server.http = line["grpc"], line["http"]
        async with _fronts[-1](server) if _fronts else nullcontext(server.grpc) as server.grpc:
            yield server
    finally:
        await server.stop()
