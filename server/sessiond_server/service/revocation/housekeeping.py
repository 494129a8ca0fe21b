"""Drops what has expired, from the view and from the log, and packs what is much."""

from __future__ import annotations

from typing import Final

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.view import RevocationView
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.storage.revocations import RevocationLog

HOUSEKEEPING_SECONDS: Final = 60.0


class Housekeeping:
    """Goes a step each time it is asked to, so that nobody waits for it for long."""

    def __init__(
        self, view: RevocationView, log_store: RevocationLog, *, clock: Clock, clocks: Clocks, logger: Logger
    ) -> None:
        self._view = view
        self._log_store = log_store
        self._clock = clock
        self._clocks = clocks
        self._logger = logger
        self._untrimmed: set[int] = set()
        self._has_room = True
        self._has_expired = False
        self._last = clock.steady()

    async def step(self) -> bool:
        """Do some of what is due; whether the logs have more that can go at once."""
        if self._clock.steady() - self._last >= HOUSEKEEPING_SECONDS:
            self._last = self._clock.steady()
            self._begin()
        self._forget_a_step()
        await self._trim_a_step()
        return bool(self._untrimmed)

    def pack(self) -> None:
        """Pack what the view holds as objects beyond what it may."""
        if not self._has_room:
            return
        try:
            while self._view.pack():
                pass
        except OSError:
            # Nothing is lost, but memory grows; the next housekeeping tries again.
            self._has_room = False
            self._logger.error("there is no room for a file of revocations, they stay in memory")

    def _begin(self) -> None:
        self._has_room = True
        if self._clocks.expired_by_ms is not None:
            self._has_expired = True
            self._untrimmed = set(self._log_store.partitions())

    def _forget_a_step(self) -> None:
        """Drop some of what has expired, but not by a clock that may be wrong: it would be gone for good."""
        expired_by_ms = self._clocks.expired_by_ms
        if not self._has_expired or expired_by_ms is None:
            return
        try:
            self._has_expired = not self._view.forget_expired(now_ms=expired_by_ms)
        except OSError:
            self._has_expired = False
            self._logger.error("the file of revocations cannot be read")

    async def _trim_a_step(self) -> None:
        """Drop some of what has expired from each log that may have more of it."""
        if self._clocks.expired_by_ms is None:
            self._untrimmed.clear()
        try:
            for partition in sorted(self._untrimmed):
                if not await self._log_store.trim(partition):
                    self._untrimmed.discard(partition)
        except StoreUnavailableError:
            self._untrimmed.clear()
            self._logger.warning("the revocation log was not trimmed, the store did not answer")
