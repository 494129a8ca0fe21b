"""How many calls are taken: a cap for each method, a bound of what they bring, and none while stopping.

A call counts from when its message is there until its answer has been taken. Whoever takes no answers must
not keep others out, so that of each bound a caller has half at the most, or what else is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sessiond_server.domain.failures import Failure, OverloadedError
from sessiond_server.transport.engine.port import Call

_MAX_BYTES: Final = 32 << 20
_QUIET_SECONDS: Final = 0.2
_MAX_CLOSING_SECONDS: Final = 2.0


class _Held:
    """How much of something is held, in all and by each caller, who may not hold more than its share."""

    def __init__(self, at_most: int, *, share: int | None = None) -> None:
        self._at_most = at_most
        self._share = (at_most + 1) // 2 if share is None else share
        self._by_caller: dict[str, int] = {}
        self.total = 0

    def has_room(self, caller: str, amount: int) -> bool:
        held = self._by_caller.get(caller, 0)
        return self.total + amount <= self._at_most and held + amount <= self._share

    def take(self, caller: str, amount: int) -> None:
        self.total += amount
        self._by_caller[caller] = self._by_caller.get(caller, 0) + amount

    def give_back(self, caller: str, amount: int) -> None:
        self.total -= amount
        self._by_caller[caller] -= amount


class Limits:
    """What all methods of one server have in common."""

    def __init__(
        self,
        *,
        max_bytes: int = _MAX_BYTES,
        quiet_seconds: float = _QUIET_SECONDS,
        max_closing_seconds: float = _MAX_CLOSING_SECONDS,
    ) -> None:
        self.is_open = True
        self.bytes = _Held(max_bytes)
        self._quiet_seconds = quiet_seconds
        self._max_closing_seconds = max_closing_seconds
        self._turned_away = asyncio.Event()

    def turn_away(self) -> None:
        """Note that a call came although none is taken any more."""
        self._turned_away.set()

    async def close(self) -> None:
        """Take no more calls, and return when they have ceased to come: each is told where to go meanwhile.

        An engine that stopped at once would fail what is on its way to it.
        """
        self.is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._max_closing_seconds):
                while await self._turns_away_soon():
                    pass

    async def _turns_away_soon(self) -> bool:
        self._turned_away.clear()
        try:
            async with asyncio.timeout(self._quiet_seconds):
                return await self._turned_away.wait()
        except TimeoutError:
            return False


class Cap:
    """How many calls of one method are in flight, and how many may be.

    A caller may have `max_of_a_caller` of them, by default half; one more fails by `one_too_many`.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        max_in_flight: int,
        max_of_a_caller: int | None = None,
        one_too_many: Callable[[], Failure] = OverloadedError,
    ) -> None:
        self._bytes = limits.bytes
        self._calls = _Held(max_in_flight, share=max_of_a_caller)
        self._one_too_many = one_too_many

    @property
    def in_flight(self) -> int:
        """How many there are."""
        return self._calls.total

    def admit(self, raw: bytes, call: Call) -> None:
        """Count a call that brought `raw` until it is done; raises a named failure where there is no room."""
        caller, size = call.caller.name, len(raw)
        if not self._calls.has_room(caller, 1):
            raise self._one_too_many()
        if not self._bytes.has_room(caller, size):
            raise OverloadedError
        self._calls.take(caller, 1)
        self._bytes.take(caller, size)
        call.when_done(lambda: self._leave(caller, size))

    def _leave(self, caller: str, size: int) -> None:
        self._calls.give_back(caller, 1)
        self._bytes.give_back(caller, size)
