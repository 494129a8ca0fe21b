"""Servers over one store, each with a link of its own to it, and everything that can happen to them."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.embedded.data_directory import secret_file
from sessiond_server.adapters.jwt.local_issuer import create_signing_key
from tests.support.config import Config, key_file
from tests.support.proxy import Proxy, running_proxy
from tests.support.server import ISSUER, Server, sessiond
from tests.support.valkeys import COPIED_AT_ONCE, HOST, Valkey, free_port, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

SECONDS_TO_SERVE = 30
GROUPS = ["validate", "session", "mint", "revoke", "revoke_bulk", "watch", "read"]


@dataclass
class Member:
    """One server of the cluster, at an address that stays; `link` is its way to the store."""

    number: int
    link: Proxy
    config: Path
    log: Path
    address: str
    server: Server | None = None

    async def start(self, *, until: str = "serving") -> None:
        """Run it, and return when it says `until`."""
        before = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        process = await sessiond("serve", "--config", str(self.config), log=self.log)
        server = self.server = Server(process, self.config.parent, self.log, self.address)

        def has_said() -> bool:
            assert process.returncode is None, self.log.read_text()
            return until in server.events()[before:]

        await eventually(has_said, timeout=SECONDS_TO_SERVE)

    async def kill(self) -> None:
        """End it as a crash would."""
        if self.server and self.server.process.returncode is None:
            self.server.process.kill()
            await self.server.process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.server and self.server.process.returncode is None:
            self.server.process.send_signal(number)


@dataclass
class Cluster:
    """`stores` are a primary and its replicas, which copy over `replication`."""

    members: list[Member]
    stores: list[Valkey]
    replication: Proxy
    key: str
    primary: int = 0
    links: list[Proxy] = field(default_factory=list)

    async def fail_over(self, to: int) -> None:
        """Make another store the primary: every link leads there from now on, and the others copy from it."""
        await self.stores[to].promote()
        self.primary = to
        for link in self.links:
            link.target_port = self.stores[to].port
            await link.cut()
            link.mend()
        for store in self.stores:
            if store is not self.stores[to] and store.is_running:
                await store.copy_from(self.stores[to].port)

    async def come_back(self, number: int) -> None:
        """Start a store that was killed, as a replica of the primary of now."""
        await self.stores[number].start()
        await self.stores[number].copy_from(self.stores[self.primary].port)


@asynccontextmanager
async def running_cluster(
    directory: Path,
    *,
    servers: int = 3,
    stores: int = 1,
    grace: str = "60s",
    providers: Sequence[dict[str, Any]] = (),
    **settings: Any,
) -> AsyncIterator[Cluster]:
    """So many servers over a primary and its replicas; `settings` are those of the store.

    `grace` is how long a spent refresh token is answered with the same successor, `providers` are the tables
    of issuers beside the local one.
    """
    key = key_file(directory / "caller.key")
    for name in ("pepper", "seal"):
        key_file(directory / name)
    secret_file(directory, "signing-key.pem", create=create_signing_key)
    options = ("--appendonly", "yes", "--appendfsync", "always", "--repl-timeout", "2", *COPIED_AT_ONCE)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(running_valkeys(directory / "stores", stores, *options))
        replication = await stack.enter_async_context(running_proxy(found[0].port))
        for replica in found[1:]:
            await replica.copy_from(replication.port)
        cluster = Cluster([], found, replication, key)
        for number in range(servers):
            link = await stack.enter_async_context(running_proxy(found[0].port))
            member = _member(directory, number, link, settings, grace=grace, providers=providers)
            stack.push_async_callback(member.kill)
            cluster.members.append(member)
            cluster.links.append(link)
        await asyncio.gather(*(member.start() for member in cluster.members))
        yield cluster


def _member(
    directory: Path,
    number: int,
    link: Proxy,
    settings: dict[str, Any],
    *,
    grace: str,
    providers: Sequence[dict[str, Any]],
) -> Member:
    home, address = directory / str(number), f"{HOST}:{free_port()}"
    home.mkdir()
    config = Config(home)
    config.tables = {
        "server": {"listen": address, "http": f"{HOST}:0", "drain_delay": "0s"},
        "store": {"url": f"redis://{HOST}:{link.port}", **settings},
        "sessions": {"grace": grace},
        "keys": {"pepper_files": [str(directory / "pepper")], "sealing_files": [str(directory / "seal")]},
    }
    issuer = {"issuer": ISSUER, "preset": "local", "audiences": ["app"]}
    config.issuers.append({**issuer, "signing_key_files": [str(directory / "signing-key.pem")]})
    config.issuers += providers
    config.callers.append({"name": "a", "groups": GROUPS, "key_files": [str(directory / "caller.key")]})
    return Member(number, link, config.write(), home / "log", address)
