"""A relay of the model: a watcher upstream, a server downstream, with revisions of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessiond.knowledge import STALE
from tests.support.watch_model.clients import Follower
from tests.support.watch_model.servers import (
    HEARTBEAT,
    Answer,
    Message,
    Subscriber,
    accepting,
    heartbeat,
    key_event,
    reset,
    session_event,
    started,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.watch_model.clients import Upstream
    from tests.support.watch_model.facts import Token
    from tests.support.watch_model.simulation import Line, ModelClock, Simulation


class Relay(Follower):
    """Its revisions are places among what it has heard since it last had to forget everything."""

    counts_anew = True

    def __init__(self, simulation: Simulation, clock: ModelClock, upstreams: Sequence[Upstream]) -> None:
        super().__init__(simulation, clock, upstreams)
        self.hits = 0
        self._epoch = 0
        self._events: list[bytes] = []
        self._withdrawn: list[bytes] = []
        self._subscribers: list[Subscriber] = []
        simulation.every(HEARTBEAT, HEARTBEAT, self._beat)
        self._overhear()

    def ask(self, token: Token, reply: Callable[[Answer], None]) -> None:
        key = token.number.to_bytes(8, "big")
        session = self.memory.cache.find(key, self._clock.steady(), self._clock.wall())
        if session is not None and session.cache_for is not None:
            self.hits += 1
            reply(self._repeat(key, session.cache_for.total_seconds()))
            return
        asked, upstream = self.asked(), self._simulation.pick(self._upstreams)

        def land(answer: Answer) -> None:
            if answer.accepted:
                self.memory.cache.insert(key, self.accept(token, answer, asked), self._clock.steady())
            reply(answer)

        upstream.ask(token, lambda answer: self._simulation.after(0.001, partial(land, answer)))

    def subscribe(self, revision: str, line: Line, arrive: Callable[[Message | None], None]) -> Subscriber:
        subscriber = Subscriber(line, arrive, self._clock.steady())
        knowledge = self.memory.knowledge
        if not knowledge.is_watched:
            subscriber.send(None)
            return subscriber
        self._subscribers.append(subscriber)
        subscriber.send(started(revision or self._revision(), knowledge.configuration))
        for key in self._withdrawn:
            subscriber.send(key_event(key))
        epoch, _, place = revision.partition(":")
        if revision and int(epoch) != self._epoch:
            subscriber.send(reset(self._revision(), knowledge.configuration))
        elif revision:
            for number in range(int(place), len(self._events)):
                subscriber.send(session_event(self._events[number], f"{self._epoch}:{number + 1}"))
        return subscriber

    def _repeat(self, key: bytes, cache_for: float) -> Answer:
        entry = self.memory.cache._entries[key]
        kept, now = entry.accepted, self._clock.steady()
        if not self.counts_anew:
            return accepting(kept.revision_age, kept.cache_for, kept.watched_cache_for, kept.configuration)
        known = max(self.memory.knowledge.freshness.known, entry.since)
        return accepting(now - known, cache_for, entry.watched_until - now, kept.configuration)

    def _revision(self) -> str:
        return f"{self._epoch}:{len(self._events)}"

    def _beat(self) -> None:
        now, freshness = self._clock.steady(), self.memory.knowledge.freshness
        if freshness is STALE:
            return
        for subscriber in self._subscribers:
            subscriber.send(heartbeat(self._revision(), now - freshness.known, now - subscriber.started_at))
        self._subscribers = [one for one in self._subscribers if one.is_open]

    def _overhear(self) -> None:
        """Whatever this relay learns goes to those who watch it."""
        knowledge = self.memory.knowledge
        hear, withdraw, forget = knowledge.hear, knowledge.withdraw, knowledge.forget

        def on_hear(hashed_id: bytes, now: float) -> None:
            hear(hashed_id, now)
            self._events.append(hashed_id)
            self._send(session_event(hashed_id, self._revision()))

        def on_withdraw(key: bytes, now: float) -> None:
            withdraw(key, now)
            self._withdrawn = [*self._withdrawn[-20:], key]
            self._send(key_event(key))

        def on_forget() -> None:
            forget()
            self._epoch += 1
            self._events.clear()
            self._send(reset(self._revision(), knowledge.configuration))

        vars(knowledge).update(hear=on_hear, withdraw=on_withdraw, forget=on_forget)

    def _send(self, message: Message) -> None:
        for subscriber in self._subscribers:
            subscriber.send(message)
