"""Events for a stream in the store: they wait here, so that no call waits for it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Protocol

from typing_extensions import override

from sessiond_server.domain.backoff import backoff_seconds
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.audit.events import AuditEvent, AuditSink
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger

MAX_WAITING: Final = 4096
_BATCH: Final = 128
_LONGEST_PAUSE_SECONDS: Final = 10.0
_LAST_EVENTS_SECONDS: Final = 1.0


class AuditStream(Protocol):
    """A stream that others read events from."""

    async def append(self, entries: Sequence[str]) -> None:
        """Append entries, in their order; raises `StoreUnavailableError`, and some may be there then."""


class StreamedEvents(AuditSink):
    """Appends events to a stream, as soon as that takes them; what finds no room to wait is dropped.

    What was appended without an answer is appended again: an event can be there twice, under one id.
    """

    def __init__(
        self,
        stream: AuditStream,
        *,
        clock: Clock,
        logger: Logger,
        max_waiting: int = MAX_WAITING,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._logger = logger
        self._max_waiting = max_waiting
        self._sleep = sleep
        self._waiting: deque[str] = deque()
        self._came = asyncio.Event()
        self._failures = 0
        self.dropped = 0

    @override
    def record(self, event: AuditEvent) -> None:
        if len(self._waiting) >= self._max_waiting:
            self.dropped += 1
            return
        moment = datetime.fromtimestamp(self._clock.now(), UTC).isoformat().replace("+00:00", "Z")
        self._waiting.append(json.dumps({**event.told(), "event": "audit", "timestamp": moment}))
        self._came.set()

    async def keep_up(self) -> None:
        """Append what comes, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                await self._append_some()

    async def drain(self) -> None:
        """Append what still waits, within a second."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_EVENTS_SECONDS):
                while self._waiting:
                    await self._append_some()
        self.dropped += len(self._waiting)
        if self._waiting:
            self._logger.error("audit events were lost that the store did not take", count=len(self._waiting))

    async def _append_some(self) -> None:
        some = tuple(islice(self._waiting, _BATCH))
        try:
            await self._stream.append(some)
        except StoreUnavailableError:
            await self._note_failure()
            return
        if self._failures:
            self._logger.info("audit events are taken again by the store", dropped=self.dropped)
        self._failures = 0
        for _ in some:
            self._waiting.popleft()

    async def _note_failure(self) -> None:
        if not self._failures:
            self._logger.error("audit events are not taken by the store, and wait")
        self._failures += 1
        await self._sleep(backoff_seconds(self._failures, longest_seconds=_LONGEST_PAUSE_SECONDS))
