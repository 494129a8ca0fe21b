"""A real primary and its real replica, as processes of their own."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError

from sessiond_server.adapters.embedded.process import find_server
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis


@dataclass
class Node:
    """One server of the store."""

    process: Process
    port: int
    redis: Redis

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def replication(self, name: str) -> Any:
        return (await self.redis.info("replication"))[name]

    async def follow(self, primary: Node) -> None:
        """Replicate `primary`, and return when all that it has is here."""
        await self.redis.execute_command("REPLICAOF", "127.0.0.1", primary.port)

        async def is_linked() -> bool:
            return await self.replication("master_link_status") == "up"

        await eventually(is_linked, timeout=20)

    async def promote(self) -> None:
        await self.redis.execute_command("REPLICAOF", "NO", "ONE")


@dataclass
class Pair:
    """A primary and its replica."""

    primary: Node
    replica: Node


@asynccontextmanager
async def node(directory: Path) -> AsyncIterator[Node]:
    """A server on a free port of this machine, which keeps nothing."""
    directory.mkdir()
    port = free_port()
    settings = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": directory,
        "save": "",
        "repl-diskless-sync-delay": 0,
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    process = await asyncio.create_subprocess_exec(str(find_server()), *words, stdout=DEVNULL, stderr=DEVNULL)
    redis = connect(StoreAddress(f"redis://127.0.0.1:{port}"))
    try:

        async def answers() -> bool:
            try:
                return bool(await redis.ping())
            except RedisConnectionError:
                return False

        await eventually(answers, timeout=20)
        yield Node(process, port, redis)
    finally:
        await redis.aclose()
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def replicated(directory: Path) -> AsyncIterator[Pair]:
    """Both, the one following the other."""
    async with node(directory / "primary") as primary, node(directory / "replica") as replica:
        await replica.follow(primary)
        yield Pair(primary, replica)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
