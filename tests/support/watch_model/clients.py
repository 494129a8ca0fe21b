"""Clients of the model: the product's own memory, watch and flights, run by simulated time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sessiond.cache import Acceptance, Asked, Cache
from sessiond.clocks import Clocks
from sessiond.flights import Flight, Flights, Question
from sessiond.memory import Memory
from sessiond.policy import NOTHING
from sessiond.v1 import session_pb2, session_service_pb2
from sessiond.watch import Watch
from tests.support.watch_model.facts import MAX_STALENESS, TOLERANCE
from tests.support.watch_model.simulation import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessiond.watch import Stream
    from tests.support.watch_model.facts import Token
    from tests.support.watch_model.servers import Answer, Message, Subscriber
    from tests.support.watch_model.simulation import ModelClock, Simulation


class Upstream(Protocol):
    """A server, or a relay."""

    def ask(self, token: Token, reply: Callable[[Answer], None]) -> None: ...

    def subscribe(
        self, revision: str, line: Line, arrive: Callable[[Message | None], None]
    ) -> Subscriber: ...


@dataclass
class Findings:
    """What the clients of a run have been answered, and what they should not have been."""

    hits: int = 0
    misses: int = 0
    joined: int = 0
    asked_anew: int = 0
    streams: int = 0
    worst: float = 0.0
    late: list[str] = field(default_factory=list)

    def judge(self, who: ModelClient, token: Token, began: float, how: str) -> None:
        """An acceptance of a validation that began then."""
        setattr(self, how, getattr(self, how) + 1)
        self.worst = max(self.worst, began - token.ended_at)
        if began > token.ended_at + MAX_STALENESS + TOLERANCE:
            self.late.append(f"{who.name}: {how} {began - token.ended_at:.2f} s late at {began:.0f}")
        if how != "misses" and began > who.ended_itself.get(token, began):
            self.late.append(f"{who.name}: {how} after its own revocation, at {began:.0f}")


class Follower:
    """What watches: a client, or a relay."""

    def __init__(self, simulation: Simulation, clock: ModelClock, upstreams: Sequence[Upstream]) -> None:
        self._simulation = simulation
        self._clock = clock
        self._upstreams = upstreams
        self.memory = Memory(Cache(), Clocks(clock.steady, clock.wall))
        self.watch = Watch(self.memory.knowledge, simulation.random.random)
        self.line = Line(simulation)
        self._calls: dict[Stream, Subscriber] = {}
        self._minded = 0
        self._frozen: list[Callable[[], None]] | None = None

    def mind(self) -> None:
        """Do for the watch what is due."""
        clock = self._clock
        for stream in self.watch.due(clock.steady(), clock.wall()):
            self._simulation.after(0.002, partial(self._open, stream))
        for stream in [one for one in self._calls if one not in self.watch.streams]:
            self._calls.pop(stream).is_open = False
        self._minded += 1
        self._simulation.after(
            max(0.0, self.watch.wake_at() - clock.steady()), partial(self._mind_again, self._minded)
        )

    def freeze(self, seconds: float, then: Callable[[], None]) -> None:
        """The machine is suspended: nothing happens, and its steady clock stands still."""
        self._frozen = []
        self._simulation.after(seconds, partial(self._thaw, seconds, then))

    def deliver(self, happen: Callable[[], None]) -> None:
        if self._frozen is None:
            happen()
        else:
            self._frozen.append(happen)

    def _thaw(self, seconds: float, then: Callable[[], None]) -> None:
        waiting, self._frozen = self._frozen or [], None
        self._clock.stood_still += seconds
        then()
        for happen in waiting:
            happen()

    def _mind_again(self, number: int) -> None:
        if number == self._minded:
            self.deliver(self.mind)

    def _open(self, stream: Stream) -> None:
        upstream = self._simulation.pick(self._upstreams)
        arrive = partial(self._arrive, stream)
        self._calls[stream] = upstream.subscribe(stream.revision, self.line, arrive)

    def _arrive(self, stream: Stream, message: Message | None) -> None:
        self.deliver(partial(self._receive, stream, message))

    def _receive(self, stream: Stream, message: Message | None) -> None:
        clock = self._clock
        if message is None:
            self.watch.end(stream, None, clock.steady())
        elif not self.watch.receive(stream, message, clock.steady(), clock.wall()):
            return
        self.mind()

    def asked(self) -> Asked:
        return Asked(self._clock.steady(), self._clock.wall(), self.memory.knowledge.epoch)

    def accept(self, token: Token, answer: Answer, asked: Asked) -> Acceptance:
        return Acceptance(
            session=token.session,
            asked=asked,
            revision_age=answer.revision_age,
            cache_for=answer.cache_for,
            watched_cache_for=answer.watched_cache_for,
            configuration=answer.configuration,
            hashed_ids=token.hashed_ids,
            key=token.key,
        )


class ModelClient(Follower):
    """Validates and revokes; what it is answered is judged by `findings`."""

    def __init__(
        self,
        name: str,
        simulation: Simulation,
        clock: ModelClock,
        upstreams: Sequence[Upstream],
        findings: Findings,
    ) -> None:
        super().__init__(simulation, clock, upstreams)
        self.name = name
        self.findings = findings
        self.ended_itself: dict[Token, float] = {}
        self._flights: Flights[list[tuple[Asked, float]]] = Flights()

    def validate(self, token: Token) -> None:
        if self._frozen is None:
            self._validate(token, self.asked(), self._simulation.now)

    def end(self, token: Token) -> None:
        """RevokeSession has answered, and returns."""
        self.deliver(partial(self._end, token))

    def _end(self, token: Token) -> None:
        session = token.session.session_id
        response = session_service_pb2.RevokeSessionResponse(
            revocations=[session_pb2.Revocation(hashed_id=token.hashed_ids[0])], sessions_ended=1
        )
        self.memory.end(session_service_pb2.RevokeSessionRequest(session_id=session), response)
        self.ended_itself[token] = self._simulation.now

    def _validate(self, token: Token, began: Asked, began_at: float) -> None:
        key = token.number.to_bytes(8, "big")
        if self.memory.cache.find(key, self._clock.steady(), self._clock.wall()) is not None:
            self.findings.judge(self, token, began_at, "hits")
            return
        flight = self._flights.find(key, self.memory.knowledge.generation)
        if flight is None:
            question = Question(str(token.number), NOTHING, (), b"", key)
            flight = Flight(question, [], self.memory.knowledge.generation)
            self._flights.add(flight)
            self._send(flight, token)
        flight.waiting.append((began, began_at))

    def _send(self, flight: Flight[Any], token: Token) -> None:
        simulation, asked = self._simulation, self.asked()
        upstream = simulation.pick(self._upstreams)

        def reply(answer: Answer) -> None:
            simulation.after(
                self._way(), lambda: self.deliver(partial(self._land, flight, token, answer, asked))
            )

        simulation.after(self._way(), lambda: upstream.ask(token, reply))

    def _way(self) -> float:
        random = self._simulation.random
        return random.uniform(0.3, 5.0) if random.random() < 0.02 else random.uniform(0.0005, 0.003)

    def _land(self, flight: Flight[Any], token: Token, answer: Answer, asked: Asked) -> None:
        self._flights.remove(flight)
        if not answer.accepted:
            return
        accepted = self.accept(token, answer, asked)
        self.memory.cache.insert(flight.question.key, accepted, self._clock.steady())
        (_, leader_began), *others = flight.waiting
        self.findings.judge(self, token, leader_began, "misses")
        for began, began_at in others:
            if self.memory.cache.may_answer(accepted, began):
                self.findings.judge(self, token, began_at, "joined")
            else:
                self.findings.asked_anew += 1
                self._validate(token, began, began_at)
