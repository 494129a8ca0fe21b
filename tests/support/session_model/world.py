"""Servers, store, provider and clocks of one run."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from sessiond_server.adapters.store.partitions import SEEN_KEY, key_in
from tests.support.fakes import FakeClock
from tests.support.session_model.attempts import SERVER, Attempt
from tests.support.session_model.loop import Traffic
from tests.support.session_model.outages import Outages
from tests.support.session_model.provider import ModelProvider
from tests.support.session_model.servers import PARTITION, ModelServer
from tests.support.session_model.store_clock import NOW_KEY
from tests.support.session_model.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from redis.asyncio import Redis

    from sessiond_server.adapters.store.scripts.declaration import Lane
    from sessiond_server.config.settings import Settings
    from tests.support.idp import Idp
    from tests.support.session_model.loop import ModelLoop
    from tests.support.session_model.wire import Late


@dataclass(eq=False)
class World:
    """`now_ms` is the store's clock, `wall` that of people; that of the loop is everybody's steady clock.

    Where it `is_direct` nothing stands between servers, store and provider, and no model hears of anything.
    """

    clients: dict[Lane, Redis]
    url: str
    idp: Idp
    settings: list[Settings]
    sources: dict[str, bytes]
    loop: ModelLoop
    is_direct: bool = False
    now_ms: int = 0
    wall: float = 0.0
    # By how much the store's clock was set ahead in all.
    set_ahead_ms: int = 0
    servers: list[ModelServer] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    held_back: set[Attempt] = field(default_factory=set)
    late: list[Late] = field(default_factory=list)
    # Scripts that cannot be carried out: what comes of that says nothing of sessions.
    broken: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.provider = ModelProvider(self.idp, self)
        self.witness = Witness(self)
        self.script_names = {
            hashlib.sha1(source, usedforsecurity=False).hexdigest(): name
            for name, source in self.sources.items()
        }

    @property
    def redis(self) -> Redis:
        """A way to the store that nothing happens to."""
        return next(iter(self.clients.values()))

    @property
    def steady(self) -> float:
        return self.loop.time()

    async def start(self, wall: float) -> None:
        """Begin with an empty store that knows all scripts, and with servers that have heard of it."""
        await self.redis.flushall()
        await self._load_scripts()
        self.wall, self.now_ms = wall, int(wall * 1000)
        await self._set_store_clock()
        for number in range(len(self.settings)):
            await self.add_server(number)

    async def _load_scripts(self) -> None:
        """So that none has to be sent a second time, with its text."""
        found = await self.redis.script_exists(*self.script_names)
        for name, is_known in zip(self.script_names.values(), found, strict=True):
            if not is_known:
                await self.redis.script_load(self.sources[name])

    async def add_server(self, number: int) -> None:
        """A server in place of the one that is no more."""
        clock = FakeClock(at=self.steady, set_ahead=self.wall - self.steady)
        server = ModelServer(f"s{number}", self.settings[number], self, Outages(), clock)
        self.servers[number : number + 1] = [server]
        await self.spawn(server.start(self.url))
        await self.spawn(self._probe(server))

    async def close(self) -> None:
        for attempt in self.held_back:
            attempt.go_on()
        for server in self.servers:
            await server.crash()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Something that goes on whatever becomes of a server."""
        task = asyncio.Task(work, loop=self.loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settled(self) -> None:
        """Return when everything that goes on waits for time, or for a test."""
        await self.traffic.settled()

    # Time.

    async def pass_time(self, milliseconds: int) -> None:
        """Every clock goes on for so long; nobody hears from anybody meanwhile."""
        await self.settled()
        self.now_ms += milliseconds
        self.wall += milliseconds / 1000
        self.loop.at += milliseconds / 1000
        for server in self.servers:
            server.clock.at += milliseconds / 1000
        await self._set_store_clock()
        await self.settled()

    async def step_store_clock(self, milliseconds: int) -> None:
        """The store's clock is set."""
        self.now_ms += milliseconds
        self.set_ahead_ms += max(0, milliseconds)
        await self._set_store_clock()

    async def keep_in_touch(self) -> None:
        """Since it was last looked every server that can has read and written all the time."""
        if all(server.link.is_cut for server in self.servers):
            return
        self.witness.outages.last_ms = self.now_ms
        await self.redis.set(key_in(PARTITION, SEEN_KEY), self.now_ms)
        for server in self.servers:
            if not server.link.is_cut:
                server.outages.last_ms = self.now_ms
                server.keep_in_touch(self.now_ms)

    async def work(self) -> None:
        """Every server does what is done all the time in the background."""
        for server in self.servers:
            await self.spawn(self._work(server))
        await self.settled()

    async def _work(self, server: ModelServer) -> None:
        SERVER.set(server)
        await server.catch_up()
        await server.probe()
        await server.fetch_keys()

    async def work_queue_off(self) -> None:
        """Some server revokes at the provider what is to be revoked there."""

        async def work() -> None:
            SERVER.set(self.servers[0])
            await self.servers[0].work_queue_off()

        await self.spawn(work())

    async def _probe(self, server: ModelServer) -> None:
        SERVER.set(server)
        await server.probe()

    async def _set_store_clock(self) -> None:
        await self.redis.set(NOW_KEY, self.now_ms)

    async def read_log(self, server: ModelServer) -> None:
        async def read() -> None:
            SERVER.set(server)
            await server.catch_up()

        await self.spawn(read())

    async def deliver(self, late: Late) -> None:
        """What a server has given up gets to the store."""
        with suppress(ResponseError):
            await self.spawn(late.link.carry_out(late.command, late.partition, late.lane))
        await self.settled()
