"""One thing that somebody would pick instead: how it is installed, and how it is run."""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench.processes import CommandError, running
from bench.servers import ROOT, Peer, beside
from bench.sides import Side

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager, AsyncExitStack
    from pathlib import Path

    from bench.servers import Sessiond
    from bench.sides import Measured

PEERS: Final = ROOT / "bench" / "peers"
SECONDS_TO_START: Final = 60


async def _nothing(_built: Path) -> None:
    """Install nothing: it comes with the project's own development dependencies."""


@dataclass(frozen=True)
class Alternative:
    """One or more `ways` to run what is installed once; each takes the directory of what is built.

    A way raises CommandError where what it runs refuses the good, or accepts the bad. `tools` are programs
    without which it cannot be installed, and `packages` says where they come from.
    """

    name: str
    ways: Mapping[str, Callable[[Path, Sessiond], AbstractAsyncContextManager[Measured]]]
    tools: tuple[str, ...] = ()
    packages: str = ""
    install: Callable[[Path], Awaitable[None]] = field(default=_nothing)

    async def is_installed(self, built: Path) -> bool:
        """Install it where that can be done; if not, it is said."""
        if missing := [tool for tool in self.tools if shutil.which(tool) is None]:
            return self._left_out(f"for which {missing[0]} is not here: {self.packages}")
        try:
            await self.install(built)
        except CommandError as error:
            return self._left_out(f"which cannot be installed: {_last_line(str(error))}")
        except TimeoutError:
            return self._left_out("which was not installed in time")
        return True

    def _left_out(self, why: str) -> bool:
        sys.stderr.write(f"bench: without {self.name}, {why}\n")
        return False


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


async def installed(built: Path, *alternatives: Alternative) -> list[Alternative]:
    """Those that can be; of the others it is said. It may take longer than a token lives."""
    return [one for one in alternatives if await one.is_installed(built)]


async def started(
    stack: AsyncExitStack, built: Path, server: Sessiond, alternatives: Iterable[Alternative]
) -> list[Side]:
    """All ways of what is installed, running beside a server until the stack ends."""
    return [
        Side(name, await stack.enter_async_context(run(built, server)))
        for alternative in alternatives
        for name, run in alternative.ways.items()
    ]


@asynccontextmanager
async def grpc_peer(
    server: Sessiond, *command: str, env: dict[str, str] | None = None
) -> AsyncIterator[Peer]:
    """A program that says its address in its first line, and answers as the server does.

    Raises:
        CommandError: it does not accept the server's token, or accepts a forged one.
    """
    async with running(*command, env=env, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
        yield Peer(process.pid, await beside(server, await next_line(process)))


async def next_line(process: Process) -> str:
    """The next line that a program says.

    Raises:
        CommandError: it has ended instead, or has said nothing for too long.
    """
    line = b""
    if process.stdout:
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_START):
                line = await process.stdout.readline()
    if not line:
        raise CommandError(f"a program has ended, or said nothing for {SECONDS_TO_START} s")
    return line.decode().strip()
