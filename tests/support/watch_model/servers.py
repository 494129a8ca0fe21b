"""Servers of the model: a view that lags, a key set that is fetched, streams with heartbeats, restarts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

from sessiond.v1 import session_pb2, session_service_pb2
from tests.support.watch_model.facts import KEY_FETCH, MAX_STALENESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.watch_model.facts import Token, Truth
    from tests.support.watch_model.simulation import Line, Simulation

Message = session_service_pb2.WatchRevocationsResponse
POLL = 0.1
HEARTBEAT = 0.2
WATCHED_CACHE = 60.0
HELD_EVENTS = 6
KEYS_REMEMBERED = 300.0


@dataclass(frozen=True)
class Answer:
    """What a server, or a relay, says of a token; None for `accepted` means UNAVAILABLE."""

    accepted: bool | None
    revision_age: float = 0.0
    cache_for: float = 0.0
    watched_cache_for: float = 0.0
    configuration: str = ""


@dataclass(eq=False)
class Subscriber:
    """A stream at the side that sends it."""

    line: Line
    arrive: Callable[[Message | None], None]
    started_at: float
    is_open: bool = True

    def send(self, message: Message | None) -> None:
        """None is the stream's end."""
        if self.is_open:
            self.line.send(lambda: self.arrive(message))
            self.is_open = message is not None


class Server:
    """Its view holds the first `applied` entries of the log, as of `complete_at`."""

    def __init__(self, simulation: Simulation, truth: Truth) -> None:
        self._simulation = simulation
        self._truth = truth
        self.applied = self._held_from = 0
        self._complete_at = 0.0
        self._configuration = truth.configuration
        self._keys_known = 0
        self._withdrawn: dict[bytes, float] = {}
        self._subscribers: list[Subscriber] = []
        self._away_until = self._stalled_until = 0.0
        simulation.every(POLL, POLL, self._poll)
        simulation.every(HEARTBEAT, HEARTBEAT, self._beat)
        simulation.every(KEY_FETCH * 0.8, KEY_FETCH, self._fetch_keys)

    @property
    def age(self) -> float:
        return self._simulation.now - self._complete_at

    @property
    def is_away(self) -> bool:
        return self._simulation.now < self._away_until

    def restart(self, seconds: float) -> None:
        """All streams end; what it held for those who resume is gone."""
        now = self._simulation.now
        self._away_until = now + seconds
        for subscriber in self._subscribers:
            subscriber.send(None)
        self._subscribers.clear()
        self._configuration = self._truth.configuration
        self.applied = self._held_from = len(self._truth.log)
        self._complete_at = now

    def stall(self, seconds: float, *, resync: bool) -> None:
        """The store does not answer for a while; afterwards the view may have to be read anew, in one."""
        self._stalled_until = self._simulation.now + seconds
        if resync:
            self._simulation.after(seconds, self._read_anew)

    def _read_anew(self) -> None:
        self.applied = self._held_from = len(self._truth.log)
        self._complete_at = self._simulation.now
        self._send(self._reset())

    def ask(self, token: Token, reply: Callable[[Answer], None]) -> None:
        reply(self._validate(token))

    def _validate(self, token: Token) -> Answer:
        if self.is_away or self.age > MAX_STALENESS:
            return Answer(None)
        configuration = str(self._configuration)
        if self._refuses(token):
            return Answer(accepted=False, configuration=configuration)
        age = self.age
        return accepting(age, MAX_STALENESS - age, WATCHED_CACHE, configuration)

    def subscribe(self, revision: str, line: Line, arrive: Callable[[Message | None], None]) -> Subscriber:
        subscriber = Subscriber(line, arrive, self._simulation.now)
        if self.is_away:
            subscriber.send(None)
            return subscriber
        self._subscribers.append(subscriber)
        position = int(revision) if revision else self.applied
        is_held = self._held_from <= position <= self.applied
        subscriber.send(started(str(position), str(self._configuration)))
        for key, at in self._withdrawn.items():
            if at > self._simulation.now - KEYS_REMEMBERED:
                subscriber.send(key_event(key))
        if is_held:
            for number in range(position, self.applied):
                subscriber.send(self._event(number))
        else:
            subscriber.send(self._reset())
        return subscriber

    def _refuses(self, token: Token) -> bool:
        is_banned = 0 <= token.needs_configuration < self._configuration
        is_revoked = token.place is not None and token.place < self.applied
        return is_banned or is_revoked or token.key in self._withdrawn

    def _poll(self) -> None:
        """The answer of the store is as of when it reads, and counts as of when it was asked."""
        now = self._simulation.now
        if now < self._stalled_until:
            return
        sent, entries = now, len(self._truth.log)
        if entries == self.applied:
            self._complete_at = now
            return

        def apply() -> None:
            for number in range(self.applied, entries):
                self._send(self._event(number))
            self.applied = max(self.applied, entries)
            self._held_from = max(self._held_from, self.applied - HELD_EVENTS)
            self._complete_at = max(self._complete_at, sent)

        self._simulation.after(self._simulation.random.uniform(0.001, 0.02), apply)

    def _fetch_keys(self) -> None:
        now = self._simulation.now
        for key in self._truth.keys:
            if key.withdrawn_at <= now and key.hashed_id not in self._withdrawn:
                self._withdrawn[key.hashed_id] = now
                self._send(key_event(key.hashed_id))

    def _beat(self) -> None:
        for subscriber in self._subscribers:
            since = self._simulation.now - subscriber.started_at
            subscriber.send(heartbeat(str(self.applied), self.age, since))
        self._subscribers = [one for one in self._subscribers if one.is_open]

    def _send(self, message: Message) -> None:
        for subscriber in self._subscribers:
            subscriber.send(message)

    def _event(self, number: int) -> Message:
        return session_event(self._truth.log[number][1], str(number + 1))

    def _reset(self) -> Message:
        return reset(str(self.applied), str(self._configuration))


def accepting(revision_age: float, cache_for: float, watched_cache_for: float, configuration: str) -> Answer:
    return Answer(
        accepted=True,
        revision_age=revision_age,
        cache_for=cache_for,
        watched_cache_for=watched_cache_for,
        configuration=configuration,
    )


def span(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def heartbeat(revision: str, age: float, since_start: float) -> Message:
    freshness = session_pb2.Freshness(revision=revision, age=span(age), since_start=span(since_start))
    return Message(freshness=freshness)


def key_event(key: bytes) -> Message:
    revocation = session_pb2.Revocation(type=session_pb2.REVOCATION_TYPE_KEY, hashed_id=key)
    return Message(revocation=revocation)


def session_event(hashed_id: bytes, revision: str) -> Message:
    revocation = session_pb2.Revocation(
        type=session_pb2.REVOCATION_TYPE_SESSION, hashed_id=hashed_id, revision=revision
    )
    return Message(revocation=revocation)


def started(revision: str, configuration: str) -> Message:
    return Message(
        started=session_service_pb2.Started(
            revision=revision, max_staleness=span(MAX_STALENESS), configuration=configuration
        )
    )


def reset(revision: str, configuration: str) -> Message:
    return Message(reset=session_service_pb2.Reset(revision=revision, configuration=configuration))
