"""PyJWT: in the process that wants to know, and in a service on grpc.aio."""

from __future__ import annotations

import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.processes import CommandError, environment, pinned, running, server_core
from bench.servers import ROOT, sources
from bench.side_by_side.alternative import Alternative, grpc_peer, next_line

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bench.servers import Peer, Sessiond


@dataclass(frozen=True)
class _InProcess:
    """A program that verifies a token as often as it is told to, and says how many seconds that took."""

    process: Process
    target: None = None

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.process.pid,)

    async def flood(self, *, calls: int) -> float:
        """Verify the token so often; the result is verifications a second.

        Raises:
            CommandError: it has ended, or takes longer than any other would.
        """
        if self.process.stdin:
            self.process.stdin.write(f"{calls}\n".encode())
        return calls / float(await next_line(self.process))


def _command(program: str, server: Sessiond) -> tuple[str, ...]:
    python = (sys.executable, "-P", "-m", f"bench.side_by_side.{program}")
    return pinned(server_core(), *python, server.key_set, server.issuer)


@asynccontextmanager
async def _in_process(_built: Path, server: Sessiond) -> AsyncIterator[_InProcess]:
    command = _command("pyjwt_in_process", server)
    env = environment(ROOT)
    async with running(*command, env=env, stdin=PIPE, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
        if process.stdin:
            process.stdin.write(f"{server.token}\n".encode())
        if await next_line(process) != "ready":
            raise CommandError("PyJWT in process is not ready")
        yield _InProcess(process)


def _service(_built: Path, server: Sessiond) -> AbstractAsyncContextManager[Peer]:
    return grpc_peer(server, *_command("pyjwt_service", server), env=environment(*sources(ROOT), ROOT))


PYTHON = Alternative("PyJWT", {"PyJWT in process": _in_process, "grpc.aio and PyJWT": _service})
