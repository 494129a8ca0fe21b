"""A worker's process: a Python of its own, which ends with its parent."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sessiond_server.adapters.bound_to_parent import end_with
from sessiond_server.adapters.workers.link import Answers, Link

_ISOLATED: Final = "-I"
_WITHOUT_THIS_DIRECTORY: Final = "-P"


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A process that was started, and the way to talk to it."""

    process: Process
    link: Link

    def kill(self) -> None:
        """End it at once, if it has not ended yet."""
        with suppress(ProcessLookupError):
            self.process.kill()


async def start_worker(module: str, given: Mapping[str, Any], answers: Answers) -> WorkerProcess:
    """Run `module` in a new process, which is `given` these values, and never forked from this one.

    It has a session of its own: what is typed at a terminal, or sent to a group of processes, comes to the
    parent alone, who tells its workers.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            _ISOLATED if sys.flags.isolated else _WITHOUT_THIS_DIRECTORY,
            *("-m", module, str(os.getpid()), str(theirs.fileno())),
            stdin=PIPE,
            stdout=DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    if process.stdin:
        # Nobody waits until it is read: that the process hangs, whoever asks it notices.
        process.stdin.write(pickle.dumps(dict(given)))
        process.stdin.close()
    return WorkerProcess(process, await Link.over(ours, answers))


def become_worker(arguments: list[str]) -> tuple[dict[str, Any], socket.socket]:
    """What the parent has given, and our end of the link; this process ends with its parent from now on."""
    parent, descriptor = map(int, arguments)
    end_with(parent)
    given = pickle.load(sys.stdin.buffer)  # noqa: S301 - our parent has written it
    return given, socket.socket(fileno=descriptor)
