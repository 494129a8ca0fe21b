"""Valkey servers on ports of this machine: primaries, replicas, and what becomes of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from sessiond_server.adapters.embedded.process import find_server
from tests.support.certificates import Authority
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "127.0.0.1"
# What sentinels call the primary, how many of them must take it for dead, and after which silence.
PRIMARY_NAME = "sessions"
QUORUM = 2
DOWN_AFTER_MS = 1000
# Over a file and into memory: on any other way a replica waits for what is done once a second.
COPIED_AT_ONCE = ("--repl-diskless-sync", "no", "--repl-diskless-load", "swapdb")


@dataclass
class Valkey:
    """A server of its own; `replica_of` is the port that it copies from."""

    directory: Path
    port: int
    options: tuple[str, ...] = ()
    process: Process | None = None
    redis: Redis = field(init=False)

    def __post_init__(self) -> None:
        # On a machine that is busy a server may take longer than sessiond grants it.
        self.redis = Redis(host=HOST, port=self.port, socket_timeout=10)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Run it, and return when it answers; it has what its append-only file has."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = await create_subprocess_exec(*self.command(), stdout=DEVNULL, stderr=DEVNULL)
        await eventually(self._answers, timeout=10)

    def command(self) -> list[str]:
        """What is run."""
        return [
            str(find_server()),
            *("--bind", HOST, "--port", str(self.port), "--dir", str(self.directory)),
            *("--save", "", "--repl-diskless-sync-delay", "0", *self.options),
        ]

    async def _answers(self) -> bool:
        try:
            return bool(await self.redis.ping())
        except (RedisError, OSError):
            return False

    async def copy_from(self, port: int) -> None:
        """Be a replica of what answers at this port, and return when everything is copied."""
        await self.redis.execute_command("REPLICAOF", HOST, port)

        async def is_linked() -> bool:
            return bool((await self.redis.info("replication")).get("master_link_status") == "up")

        # A first attempt that fails is repeated by the replica, which takes its time.
        await eventually(is_linked, timeout=30)

    async def promote(self) -> None:
        await self.redis.execute_command("REPLICAOF", "NO", "ONE")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)
        if self.process:
            await self.process.wait()

    async def close(self) -> None:
        await self.kill()
        await self.redis.aclose()

    def _signal(self, number: int) -> None:
        if self.process and self.is_running:
            self.process.send_signal(number)


@dataclass
class Sentinel(Valkey):
    """A server that watches `watched`, and of several of which two can replace it."""

    watched: Valkey | None = None

    @override
    def command(self) -> list[str]:
        assert self.watched
        file = self.directory / "sentinel.conf"
        if not file.exists():
            lines = (
                f"port {self.port}",
                f"bind {HOST}",
                f"dir {self.directory}",
                f"sentinel monitor {PRIMARY_NAME} {HOST} {self.watched.port} {QUORUM}",
                f"sentinel down-after-milliseconds {PRIMARY_NAME} {DOWN_AFTER_MS}",
                f"sentinel failover-timeout {PRIMARY_NAME} 3000",
            )
            file.write_text("\n".join(lines))
        return [str(find_server()), str(file), "--sentinel"]


@dataclass
class TlsValkey(Valkey):
    """A server that speaks TLS alone, and takes those alone whose certificates are of `authority`.

    The program that we bring along has no TLS in it: it is the system's.
    """

    authority: Authority = field(default_factory=Authority)
    password: str = "sesame"

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        own = self.authority.issue("127.0.0.1")
        self.cert_file, self.key_file = own.write(self.directory, "server")
        self.ca_file = self.directory / "ca.pem"
        self.ca_file.write_bytes(self.authority.certificate)
        self.redis = Redis(
            host=HOST,
            port=self.port,
            ssl=True,
            ssl_ca_certs=str(self.ca_file),
            ssl_certfile=str(self.cert_file),
            ssl_keyfile=str(self.key_file),
            socket_timeout=10,
        )

    async def restart_with(self, authority: Authority) -> None:
        """Have certificates of another authority from now on."""
        await self.close()
        self.authority = authority
        self.__post_init__()
        await self.start()

    async def show(self, authority: Authority, *, days: int = 7) -> None:
        """Show a certificate of this authority from now on, and take those of it alone, without a restart.

        Connections that are open are ended.
        """
        self.cert_file, self.key_file = authority.issue("127.0.0.1", days=days).write(
            self.directory, "server"
        )
        self.ca_file.write_bytes(authority.certificate)
        await self.redis.config_set(
            "tls-cert-file",
            str(self.cert_file),
            "tls-key-file",
            str(self.key_file),
            "tls-ca-cert-file",
            str(self.ca_file),
        )
        await self.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    @property
    @override
    def url(self) -> str:
        return f"rediss://{HOST}:{self.port}"

    @override
    def command(self) -> list[str]:
        program = shutil.which("redis-server")
        assert program
        lines = (
            f"bind {HOST}",
            "port 0",
            f"tls-port {self.port}",
            f"dir {self.directory}",
            f"tls-cert-file {self.cert_file}",
            f"tls-key-file {self.key_file}",
            f"tls-ca-cert-file {self.ca_file}",
            f"user sessiond on >{self.password} ~* +@all",
        )
        file = self.directory / "redis.conf"
        file.write_text("\n".join(lines))
        return [program, str(file)]


def speaks_tls() -> bool:
    """Whether this machine has a server that speaks TLS."""
    program = shutil.which("redis-server")
    if program is None:
        return False
    # Without certificates it gives up: for that it has to know what they are for.
    found = subprocess.run(
        [program, "--port", "0", "--tls-port", "1", "--tls-cert-file", "/nowhere"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return "Failed to configure TLS" in found.stdout


@asynccontextmanager
async def running_valkeys(directory: Path, number: int, *options: str) -> AsyncIterator[list[Valkey]]:
    """As many servers, of which all but the first are its replicas."""
    async with AsyncExitStack() as stack:
        servers = []
        for at in range(number):
            server = Valkey(directory / str(at), free_port(), options)
            stack.push_async_callback(server.close)
            servers.append(server)
        await asyncio.gather(*(server.start() for server in servers))
        await asyncio.gather(*(server.copy_from(servers[0].port) for server in servers[1:]))
        yield servers


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
