"""Streams of revocations, by which others keep verdicts, and know how fresh what they know is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from sessiond_server.domain.failures import RevocationViewStaleError, ShuttingDownError
from sessiond_server.domain.revocation import Position, to_revision
from sessiond_server.service.clock import Clock
from sessiond_server.service.revocation.events import Event, EventReader
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.status import RevocationStatus, status_of
from sessiond_server.service.revocation.withdrawn_keys import WithdrawnKeys

# The steady clocks of two machines drift apart, so that no stream is an anchor for longer; and those that
# were opened together end up to a fifth of that sooner, each at its own time.
LONGEST_SECONDS: Final = 300.0
_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Started:
    """A stream has begun, and goes on from `revision`."""

    revision: str
    max_staleness_seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """What the watcher knows is worth nothing any more; the stream goes on from `revision`."""

    revision: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """Everything up to `revision` has been told.

    That was all there was `age_seconds` before the moment at which the server has had the stream for
    `since_start_seconds`.
    """

    revision: str
    age_seconds: float
    since_start_seconds: float


Message: TypeAlias = Started | Event | Freshness | Reset


class RevocationWatch:
    """Tells watchers of every revocation, and every `heartbeat_seconds` how fresh that is."""

    def __init__(
        self,
        revocations: Revocations,
        withdrawn: WithdrawnKeys,
        *,
        heartbeat_seconds: float,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._revocations = revocations
        self._events = revocations.events
        self._withdrawn = withdrawn
        self._heartbeat_seconds = heartbeat_seconds
        self._clock = clock
        self._jitter = jitter
        self._is_closed = False
        self.watchers = 0

    async def watch(
        self, after: Mapping[int, Position] | None, *, caller_known_until: float | None = None
    ) -> AsyncGenerator[Message, None]:
        """Everything behind `after`, or from now on, until the stream has lived for long enough.

        It ends in the same way when its caller is known no more, in seconds since 1970, and tells nothing
        after that: whoever has new credentials by then goes on with them, and anybody else cannot.

        Raises:
            RevocationViewStaleError: the log has not been read yet, or not as far as `after` and cannot be.
            ShuttingDownError: this server is about to stop.
            WatchFellBehindError: the watcher does not keep up.
        """
        opened_at = self._clock.steady()
        ends_at = opened_at + LONGEST_SECONDS * (1 - _JITTER * self._jitter())
        known_until = inf if caller_known_until is None else caller_known_until
        await self._reach(after or {})
        stream = self._stream(after, opened_at)
        self.watchers += 1
        try:
            while not self._is_closed:
                left = known_until - self._clock.now()
                if left <= 0:
                    return
                message = stream.take()
                if message is not None:
                    yield message
                elif self._clock.steady() >= ends_at:
                    return
                else:
                    await self._events.waiters.wait(at_most=min(left, stream.idle_seconds()))
        finally:
            self.watchers -= 1
        raise ShuttingDownError(ends_a_stream=True)

    def status(self) -> RevocationStatus:
        """What this server tells them from."""
        return status_of(self._revocations)

    def close(self) -> None:
        """End every stream, and begin none any more."""
        self._is_closed = True
        self._events.waiters.wake_all()

    async def _reach(self, after: Mapping[int, Position]) -> None:
        """Read the log as far as a watcher knows it: it may come from a server that had read further."""
        if not self._revocations.is_synced:
            raise RevocationViewStaleError
        if after.keys() == self._events.positions.keys():
            await asyncio.gather(*map(self._revocations.read_up_to, after.values()))

    def _stream(self, after: Mapping[int, Position] | None, opened_at: float) -> _Stream:
        return _Stream(
            after,
            self._revocations,
            self._withdrawn,
            opened_at=opened_at,
            heartbeat_seconds=self._heartbeat_seconds,
            phase=1 - self._jitter(),
            clock=self._clock,
        )


class _Stream:
    """What one watcher is told, in this order, and never anything before what it has to know first."""

    def __init__(
        self,
        after: Mapping[int, Position] | None,
        revocations: Revocations,
        withdrawn: WithdrawnKeys,
        *,
        opened_at: float,
        heartbeat_seconds: float,
        phase: float,
        clock: Clock,
    ) -> None:
        self._revocations = revocations
        self._events = revocations.events
        self._withdrawn = withdrawn
        self._opened_at = opened_at
        # Streams that were opened together have their heartbeats at different times.
        self._pause = heartbeat_seconds * phase
        self._heartbeat_seconds = heartbeat_seconds
        self._clock = clock
        self._due_at = opened_at
        self._reader = EventReader(self._events, after)
        begins_anew = self._reader.begins_anew()
        revision = to_revision(after.values()) if after and not begins_anew else self._events.revision
        self._first: deque[Message] = deque([Started(revision, revocations.max_staleness_seconds)])
        if begins_anew:
            self._begin_anew()
        else:
            self._first.extend(withdrawn.recent())

    def take(self) -> Message | None:
        """The next message; None where there is none for now.

        A heartbeat is made only where everything else has been told, in one synchronous stretch with that.
        """
        if self._reader.begins_anew():
            self._first.clear()
            self._begin_anew()
        if self._first:
            return self._first.popleft()
        return self._reader.read() or self._heartbeat()

    def idle_seconds(self) -> float:
        """How long it is until the next heartbeat is due."""
        return self._due_at - self._clock.steady()

    def _heartbeat(self) -> Freshness | None:
        now = self._clock.steady()
        if now < self._due_at:
            return None
        self._due_at, self._pause = now + self._pause, self._heartbeat_seconds
        return Freshness(self._events.revision, self._revocations.age_at(now), now - self._opened_at)

    def _begin_anew(self) -> None:
        """Whoever forgets everything forgets the keys that were withdrawn too."""
        self._first.append(Reset(self._events.revision))
        self._first.extend(self._withdrawn.recent())
