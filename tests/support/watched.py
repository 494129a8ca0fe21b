"""A store over which every error is kept that it gives."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessiond_server.adapters.store.connection import Identity, StoreAddress, connect
from tests.support.fakes import FakeClock, RecordingLogger
from tests.support.store import Store, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

BEGUN, OVER = "the store does not do as told", "the store does as told again"


@dataclass
class Watched:
    """A store whose errors are kept, on a clock that stands still."""

    url: str
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    clock: FakeClock = field(default_factory=FakeClock)
    clients: list[Redis] = field(default_factory=list)

    def connect(self, *, partitions: int = 1, username: str | None = None, password: str = "") -> Store:
        identity = Identity(username, lambda: password)
        self.clients.append(connect(StoreAddress(self.url, identity)))
        return connected(
            self.clients[-1], partitions=partitions, logger=self.logger, steady=self.clock.steady
        )

    def said(self, event: str) -> list[str]:
        return [fields["kind"] for fields in self.logger.said(event)]


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Watched]:
    found = Watched(url)
    try:
        yield found
    finally:
        for client in found.clients:
            await client.aclose()
