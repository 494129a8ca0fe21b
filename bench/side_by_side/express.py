"""express-session with connect-redis on Node: sessions in Redis, which is asked at every request.

They are its own sessions, which its cookies name. Its processes are Node and the store, both on one core.
"""

from __future__ import annotations

import os
import secrets
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp

from bench.h2load import Target
from bench.processes import CommandError, output, pinned, running, server_core
from bench.servers import Peer
from bench.side_by_side.alternative import PEERS, Alternative, next_line
from bench.wire import FRAME_BYTES
from tests.support.valkeys import Valkey, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bench.servers import Sessiond

_EXPRESS: Final = PEERS / "express"
_COOKIE: Final = "connect.sid"


async def _install(_built: Path) -> None:
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    await output("npm", "ci", "--prefix", str(_EXPRESS), *quiet, seconds=120)


@asynccontextmanager
async def _run(built: Path, _server: Sessiond) -> AsyncIterator[Peer]:
    async with _store(built / "redis") as (url, store):
        command = pinned(server_core(), "node", str(_EXPRESS / "server.js"), url, secrets.token_hex())
        # Express's documentation recommends it for whatever is not being developed.
        env = {**os.environ, "NODE_ENV": "production"}
        async with running(*command, env=env, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
            address = await next_line(process)
            cookie, size = await _log_in(address)
            target = Target(address, None, size - FRAME_BYTES, "/", (f"cookie: {cookie}",), is_http1=True)
            yield Peer(process.pid, target, (store,))


@asynccontextmanager
async def _store(directory: Path) -> AsyncIterator[tuple[str, int]]:
    """Where a Valkey of its own is, on the core for what is measured, and its process."""
    valkey = Valkey(directory, free_port())
    try:
        await valkey.start()
        if valkey.process is None:
            raise CommandError("Valkey has not been started")
        os.sched_setaffinity(valkey.process.pid, {server_core()})
        yield valkey.url, valkey.process.pid
    finally:
        await valkey.close()


async def _log_in(address: str) -> tuple[str, int]:
    """The cookie of a new session, and how many bytes its requests are answered with.

    Raises:
        CommandError: the cookie is not accepted, or it is with another signature too.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        async with client.post(f"http://{address}/login") as answer:
            cookie = f"{_COOKIE}={answer.cookies[_COOKIE].value}"
        forged = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")
        async with client.get(f"http://{address}/", headers={"cookie": forged}) as answer:
            if answer.ok:
                raise CommandError("express-session accepts a forged cookie")
        async with client.get(f"http://{address}/", headers={"cookie": cookie}) as answer:
            if not answer.ok:
                raise CommandError(f"express-session answers {answer.status} to its own cookie")
            return cookie, len(await answer.read())


EXPRESS = Alternative(
    "express-session",
    {"express-session and Redis": _run},
    tools=("node", "npm"),
    packages="apt-get install nodejs npm",
    install=_install,
)
