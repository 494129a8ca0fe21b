"""Fetches a provider's keys in the background: before they run out, after failures, and when told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from sessiond_server.domain.backoff import backoff_seconds
from sessiond_server.service.clock import Clock
from sessiond_server.service.storage.key_sets import SharedKeySet
from sessiond_server.service.validation.remote_keys import RemoteKeySet

_REFRESHED_AT: Final = 0.8
_JITTER: Final = 0.1
_LONGEST_BACKOFF_SECONDS: Final = 30.0
# What another server fetched so recently is as good as what this one would fetch.
_YOUNG_SECONDS: Final = 60.0
_START_SPREAD_SECONDS: Final = 3.0
ORDERS_EVERY_SECONDS: Final = 2.0
# Whoever can write the store can order fetches, and this many seconds lie between two of them.
ORDER_COOLDOWN_SECONDS: Final = 10.0


class KeyRefresh:
    """Keeps one provider's keys fresh."""

    def __init__(
        self, keys: RemoteKeySet, shared: SharedKeySet, *, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._shared = shared
        self._clock = clock
        self._jitter = jitter
        self._seen_order: float | None = None
        self._next_order_at = clock.steady()

    @property
    def refresh_seconds(self) -> float:
        """How long after a fetch the next one comes, at the latest."""
        # Keys may serve for no longer than `max_stale`, so they may have to be fetched sooner than the
        # provider wants.
        return min(self._keys.lifetime_seconds, self._keys.max_stale_seconds) * _REFRESHED_AT

    async def run(self) -> None:
        """Fetch before what is held runs out, again and again, until cancelled."""
        if self._seen_order is None:
            # The order is read before the copy, so that one that comes between them is seen as a new one.
            self._seen_order = await self._shared.last_order() or 0.0
            self._keys.begin_after(ordered_at=self._seen_order)
        if await self._keys.take_shared():
            await self._begin_with_shared()
        while True:
            await self._keys.refresh()
            await self._rest(self.pause())

    def pause(self) -> float:
        """Seconds from the last fetch to the next."""
        spread = 1 - _JITTER * self._jitter()
        if self._keys.failures:
            return backoff_seconds(self._keys.failures, longest_seconds=_LONGEST_BACKOFF_SECONDS) * spread
        return self.refresh_seconds * spread

    async def _begin_with_shared(self) -> None:
        """Answer with another server's keys at once, and return when it is time to ask the provider."""
        self._keys.was_tried = True
        if self._keys.age_seconds >= _YOUNG_SECONDS:
            # The provider may have withdrawn a key meanwhile. Of many servers that start together only some
            # ask it, and the others find what those have left.
            await self._rest(_START_SPREAD_SECONDS * self._jitter())
            await self._keys.take_shared()
        if self._keys.age_seconds < _YOUNG_SECONDS:
            await self._rest(self.pause() - self._keys.age_seconds)

    async def _rest(self, seconds: float) -> None:
        """Wait for so long, or until it is ordered to fetch anew."""
        until = self._clock.steady() + seconds
        while (left := until - self._clock.steady()) > 0:
            await asyncio.sleep(min(left, ORDERS_EVERY_SECONDS))
            if await self._is_ordered():
                return

    async def _is_ordered(self) -> bool:
        if self._clock.steady() < self._next_order_at:
            return False
        ordered_at = await self._shared.last_order()
        if not ordered_at or ordered_at == self._seen_order:
            return False
        self._seen_order = ordered_at
        self._next_order_at = self._clock.steady() + ORDER_COOLDOWN_SECONDS
        self._keys.distrust(ordered_at=ordered_at)
        return True
