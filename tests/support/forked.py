"""Processes of sessiond and of the test provider that need not load what they are made of."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.fork_server import MAX_BYTES


class Forked:
    """A process; it has what tests use of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The other end of `tests.support.fork_server`, which is started for it."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.running: dict[int, Forked] = {}
        self.asked: deque[asyncio.Future[Forked]] = deque()
        asyncio.get_running_loop().add_reader(self.control, self._read)

    async def start(self, request: dict[str, Any], descriptors: tuple[int, int, int]) -> Forked:
        asked = asyncio.get_running_loop().create_future()
        self.asked.append(asked)
        socket.send_fds(self.control, [json.dumps(request).encode()], descriptors)
        return await asked

    def _read(self) -> None:
        message = self.control.recv(MAX_BYTES)
        assert message, "nothing is forked any more"
        told = json.loads(message)
        if pid := told.get("started"):
            self.running[pid] = Forked(pid)
            self.asked.popleft().set_result(self.running[pid])
        else:
            self.running.pop(told["ended"]).ended.set_result(told["status"])

    def close(self) -> None:
        """End it, and all that it has started."""
        self.control.close()
        self.process.wait()


@cache
def forks() -> Forks:
    """The one of this worker."""
    server = Forks()
    atexit.register(server.close)
    return server


async def start(module: str, *arguments: str, stdin: int = 0, stdout: int = 1, stderr: int = 2) -> Forked:
    """Run a module as `python -m` does, with these standard descriptors."""
    request = {
        "module": module,
        "arguments": arguments,
        "directory": str(Path.cwd()),
        "environment": dict(os.environ),
    }
    return await forks().start(request, (stdin, stdout, stderr))


async def sessiond(*arguments: str, given: str = "") -> tuple[int, str]:
    """Exit status of a command that has `given` on standard input, and what it printed, errors too."""
    with tempfile.TemporaryFile() as standard_input, tempfile.TemporaryFile() as output:
        standard_input.write(given.encode())
        standard_input.seek(0)
        process = await start(
            "sessiond_server",
            *arguments,
            stdin=standard_input.fileno(),
            stdout=output.fileno(),
            stderr=output.fileno(),
        )
        status = await process.wait()
        output.seek(0)
        return status, output.read().decode()
