"""Servers as the app builds them, without sockets of their own, on a test's clock and links."""

from __future__ import annotations

import asyncio
import functools
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from sessiond.v1 import session_service_pb2 as pb
from sessiond_server.adapters.http import outbound as http
from sessiond_server.adapters.store import open as opening
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.app import build as building
from sessiond_server.app import issuers
from sessiond_server.app.secrets import load_secrets
from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.service.callers import Credentials
from sessiond_server.service.providers.revoke_queued import _revoke_next
from sessiond_server.transport.engine.port import Call, Status
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.session_model.attempts import CURRENT, SERVER, Attempt
from tests.support.session_model.upstream import ModelOutbound
from tests.support.session_model.wire import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessiond_server.app.build import App
    from sessiond_server.config.settings import Settings
    from tests.support.session_model.outages import Outages
    from tests.support.session_model.world import World

PARTITION = 0
# To load the machine's authorities takes longer than all else that a server begins with.
_TRUSTING = functools.cache(http._trusting)
_RESPONSES = {
    "CreateSession": pb.CreateSessionResponse,
    "RefreshSession": pb.RefreshSessionResponse,
    "RevokeSession": pb.RevokeSessionResponse,
    "GetSession": pb.GetSessionResponse,
    "ValidateToken": pb.ValidateTokenResponse,
}


@dataclass(eq=False)
class ModelServer:
    """A server, whose calls and background work are done when a test says so.

    `reading` is the store's time that it was told last, and when, on its steady clock.
    """

    name: str
    settings: Settings
    world: World
    outages: Outages
    clock: FakeClock
    link: Link | None = None
    app: App | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    telemetry: RecordingTelemetry = field(default_factory=RecordingTelemetry)
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    is_dead: bool = False
    reading: tuple[int, float] | None = None
    set_ahead: int = 0

    async def start(self, url: str) -> None:
        """Build it; it reads the revocations and fetches the provider's keys, as it would by itself."""
        SERVER.set(self)

        def linked(*_: Any, **__: Any) -> Link:
            self.link = Link(OneNode(self.world.clients), self.world, self.world.script_names)
            return self.link

        outbound = type("Outbound", (ModelOutbound,), {"world": self.world})
        with (
            patch.object(building, "SystemClock", lambda: self.clock),
            patch.object(opening, "open_nodes", linked),
            patch.object(issuers, "Outbound", outbound),
            patch.object(http, "_trusting", _TRUSTING),
        ):
            self.app = await building.build(
                self.settings,
                load_secrets(self.settings, directory=None, logger=self.logger),
                store_url=url,
                stack=self.stack,
                telemetry=self.telemetry,
                logger=self.logger,
            )
        await self.catch_up()
        await self.fetch_keys()

    async def fetch_keys(self) -> None:
        """Fetch the provider's keys before they run out, as is done all the time."""
        for one in self.app.issuers:
            if one.key_set.good_for_seconds < one.key_set.max_stale_seconds / 2:
                await one.key_set.refresh()

    async def catch_up(self) -> None:
        """Read the log of revocations, as is done all the time."""
        try:
            await self.app.revocations.catch_up(PARTITION)
        except RevocationViewStaleError:
            assert self.link.is_cut

    async def probe(self) -> None:
        """Write to the store that there is a server, as is done all the time."""
        try:
            await self.app.stores.writes.probe()
        except StoreUnavailableError:
            assert self.link.is_cut

    async def work_queue_off(self) -> None:
        """Revoke at the provider what is to be revoked there."""
        while await _revoke_next(self.app.stores.queue, self.app.providers):
            pass

    async def call(self, method: str, request: Any, *, key: str) -> Any:
        """The answer to a call: a message, or a status."""
        at_last: list[Callable[[], None]] = []
        call = Call(method, Credentials((f"Bearer {key}",)), when_done=at_last.append)
        try:
            answer = await self.app.endpoints.unary[method](request.SerializeToString(), call)
        finally:
            for one in at_last:
                one()
        return answer if isinstance(answer, Status) else _RESPONSES[method].FromString(answer)

    def begin(self, attempt: Attempt, request: Any, *, key: str) -> None:
        """Make a call, and return at once."""

        async def made() -> Any:
            CURRENT.set(attempt)
            SERVER.set(self)
            return await self.call(attempt.method, request, key=key)

        attempt.task = asyncio.create_task(made())

    @property
    def is_troubled(self) -> bool:
        return self.link.is_cut or self.set_ahead != 0

    def set_clock(self, ahead: int, wall: float) -> None:
        """Its wall clock is so many seconds ahead from now on."""
        self.set_ahead = ahead
        self.clock.set_ahead = wall - self.clock.at + ahead

    def reckoned(self, moment: float) -> float | None:
        """The store's time at a moment of the steady clock, as it knows it."""
        if self.reading is None:
            return None
        store_ms, since = self.reading
        return store_ms + (moment - since) * 1000

    def is_fresh(self) -> bool:
        return self.app.revocations.is_fresh

    def keep_in_touch(self, now_ms: int) -> None:
        """It has read the log all the time until now."""
        self.app.stores.revocations._scripts.outages._last_ms[PARTITION] = now_ms

    async def crash(self) -> None:
        """Nothing of it goes on."""
        self.is_dead = True
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        self.is_dead = True
        await self.stack.aclose()


def task_factory(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """Tasks know whose they are."""
    task = asyncio.Task(work, loop=loop, **options)
    server = SERVER.get()
    if server is not None:
        server.tasks.add(task)
        task.add_done_callback(server.tasks.discard)
    return task
