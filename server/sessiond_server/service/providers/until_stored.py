"""Keeps what a provider gave, however long the store takes: it cannot be had a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry

T = TypeVar("T")

# How long a server that stops waits for its store, to keep what providers gave.
_PATIENCE_SECONDS: Final = 14.0
_PAUSE_SECONDS: Final = 0.2


class UntilStored:
    """Tries again and again, until the store has answered; a server that stops gives up after a while."""

    def __init__(self, *, clock: Clock, logger: Logger, telemetry: Telemetry) -> None:
        self._clock = clock
        self._logger = logger
        self._telemetry = telemetry
        self._give_up: float | None = None

    def stop(self) -> None:
        """Give up soon where the store does not answer."""
        self._give_up = self._clock.steady() + _PATIENCE_SECONDS

    async def run(self, issuer: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Whatever `attempt` gives once the store has answered it; it is safe to repeat.

        Raises:
            StoreUnavailableError: the server stops, and the store has not answered for too long.
        """
        while True:
            try:
                return await attempt()
            except StoreUnavailableError:
                if self._give_up is not None and self._clock.steady() >= self._give_up:
                    self._telemetry.exchange_tried(issuer, "lost")
                    self._logger.error("what a provider gave for a session was lost", issuer=issuer)
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
