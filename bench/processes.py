"""Programs that a scenario starts: pinned to a core where it matters, and ended with the scenario."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

_SECONDS_TO_ANSWER: Final = 60
_SECONDS_TO_END: Final = 15
_CPU_TIME_FIELDS: Final = slice(11, 13)  # utime and stime, counted from after the program's name: proc(5)


class CommandError(Exception):
    """A program ended with a status other than zero."""


def environment(*paths: Path) -> dict[str, str]:
    """This process's environment without settings of sessiond, importing from `paths` before all else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIOND_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, paths))}


def pinned(core: int, *command: str) -> tuple[str, ...]:
    """The command, kept on one core."""
    return ("taskset", "-c", str(core), *command)


def server_core() -> int:
    """The core for what is measured."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The core for what makes the load; the same one where there is no other."""
    return max(os.sched_getaffinity(0))


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used of processors until now, in the kernel and outside."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[_CPU_TIME_FIELDS])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int, *, without_files: bool = False) -> float:
    """The memory of a process that is in use, mapped files included or not: proc(5), VmRSS and RssAnon."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:" if without_files else "VmRSS:")[2].split()[0]) / 1024


async def output(
    *command: str,
    stdin: str = "",
    env: dict[str, str] | None = None,
    seconds: float = _SECONDS_TO_ANSWER,
) -> str:
    """What a program writes to standard output.

    Raises:
        CommandError: it failed; the text holds what it wrote to standard error.
        TimeoutError: it had not ended after so many seconds; it has now.
    """
    async with running(*command, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        async with asyncio.timeout(seconds):
            said, complained = await process.communicate(stdin.encode())
        if process.returncode:
            reason = complained.decode(errors="replace")
            raise CommandError(f"{command[0]} ended with {process.returncode}: {reason}")
        return said.decode()


@asynccontextmanager
async def running(
    *command: str,
    env: dict[str, str] | None = None,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
    stderr: int | IO[bytes] = DEVNULL,
) -> AsyncIterator[Process]:
    """A program that runs, and is ended on the way out."""
    # In a process group of its own, Ctrl-C does not reach it: it is ended from here, once nobody needs it.
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        process_group=0,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_SECONDS_TO_END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
