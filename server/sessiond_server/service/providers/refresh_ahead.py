"""Asks providers for access tokens before the ones that are there end, so that refreshes need not wait."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.failures import Failure
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.clock import Clock
from sessiond_server.service.providers.ahead_exchange import AheadExchange, AheadOutcome
from sessiond_server.service.telemetry import Telemetry

# Of each issuer: how many sessions wait for their exchange, and how many are at the provider at a time.
MAX_WAITING: Final = 10_000
MAX_AT_ONCE: Final = 8
# What metrics say beside the outcomes of exchanges: there were too many to wait for, or the store was away.
_LEFT_OUT: Final = "left_out"
_FAILED: Final = "failed"
AHEAD: Final = (*(outcome.value for outcome in AheadOutcome), _LEFT_OUT, _FAILED)
_TICK_SECONDS: Final = 0.25
# By how much the clocks of provider, store and server may differ, which tell when a token ends.
_SLACK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class AheadOfNeed:
    """How long before its end an issuer's access token is exchanged.

    `grace_seconds` is how long behind its last use a session is left alone.
    """

    ahead_seconds: float
    grace_seconds: float


@dataclass(slots=True)
class _Waiting:
    """Sessions of an issuer, each with when it is due by the steady clock; `order` has each once."""

    option: AheadOfNeed
    due: dict[SessionId, float] = field(default_factory=dict)
    order: list[tuple[float, bytes]] = field(default_factory=list)
    at_once: int = 0


class RefreshAhead:
    """Has one exchange made for each access token that was given out, where its issuer's settings want it.

    A session that nobody uses any more costs its provider one exchange. What this server does not get to,
    because it ends or has too much to do, the next refresh does by itself.
    """

    def __init__(
        self,
        exchange: AheadExchange,
        options: Mapping[str, AheadOfNeed],
        *,
        clock: Clock,
        telemetry: Telemetry,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._exchange = exchange
        self._waiting = {issuer: _Waiting(option) for issuer, option in options.items()}
        self._clock = clock
        self._telemetry = telemetry
        self._pause = pause
        self._is_open = True
        telemetry.gauge(
            "exchanges_ahead_waiting",
            "Sessions that wait for an exchange before anybody needs it",
            lambda: len(self),
        )

    def __len__(self) -> int:
        """How many sessions wait."""
        return sum(len(one.due) for one in self._waiting.values())

    @property
    def is_wanted(self) -> bool:
        """Whether any issuer's settings want it."""
        return bool(self._waiting)

    def note_use(self, session: SessionId, claims: Claims) -> None:
        """An access token of a session was given out."""
        waiting = self._waiting.get(claims.issuer)
        if waiting is None:
            return
        now, ends_in = self._clock.steady(), claims.expires_at - self._clock.now()
        due = now + max(ends_in - waiting.option.ahead_seconds, waiting.option.grace_seconds)
        if due >= now + ends_in:
            return
        if session not in waiting.due:
            if len(waiting.due) >= MAX_WAITING:
                self._telemetry.exchanged_ahead(claims.issuer, _LEFT_OUT)
                return
            heapq.heappush(waiting.order, (due, session.raw))
        waiting.due[session] = due

    async def keep_up(self) -> None:
        """Have made what is due, again and again, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for issuer, waiting in self._waiting.items():
                    while session := self._take(waiting):
                        waiting.at_once += 1
                        group.create_task(self._make(issuer, waiting, session))
                await self._pause(_TICK_SECONDS)

    async def drain(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._is_open = False
        await self._exchange.drain()

    def _take(self, waiting: _Waiting) -> SessionId | None:
        """The session that has been due for longest, where there is one and room for it."""
        now = self._clock.steady()
        while self._is_open and waiting.order and waiting.at_once < MAX_AT_ONCE:
            if waiting.order[0][0] > now:
                return None
            _, raw = heapq.heappop(waiting.order)
            session = SessionId(raw)
            due = waiting.due[session]
            if due <= now:
                del waiting.due[session]
                return session
            # It was used since it came into the order.
            heapq.heappush(waiting.order, (due, raw))
        return None

    async def _make(self, issuer: str, waiting: _Waiting, session: SessionId) -> None:
        within_ms = round((waiting.option.ahead_seconds + _SLACK_SECONDS) * 1000)
        try:
            outcome = (await self._exchange.run(session, within_ms=within_ms)).value
        except Failure:
            outcome = _FAILED
        finally:
            waiting.at_once -= 1
        self._telemetry.exchanged_ahead(issuer, outcome)
