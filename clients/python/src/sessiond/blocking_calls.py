"""Calls for verdicts from threads: one for a token at a time, and few for many tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Any, Final, TypeAlias

from sessiond import requests
from sessiond.access import Metadata
from sessiond.cache import Asked
from sessiond.clocks import Clocks
from sessiond.errors import SessiondError, given_up, miscounted, time_over
from sessiond.flights import (
    LARGEST_TOKEN,
    SINGLY_AT_ONCE,
    Departures,
    Flight,
    Flights,
    Landed,
    Question,
    too_early,
)
from sessiond.memory import Memory, read
from sessiond.observer import Outcome
from sessiond.results import Verdict, to_verdict
from sessiond.v1.session_service_pb2 import ValidateTokenRequest, ValidateTokenResponse

BlockingFlight: TypeAlias = Flight[Event]
# Waits for the answer, within so many seconds; raises a SessiondError.
One: TypeAlias = Callable[[ValidateTokenRequest, Metadata, float], ValidateTokenResponse]
# Begins a call, and hands on what it brings, on a thread of gRPC's.
Began: TypeAlias = Callable[[Any, Metadata, Callable[[Any], None]], None]


class BlockingCalls:
    """Keeps what the calls bring in `memory`; without one nothing is kept, and no call is joined.

    Who comes while nothing is in the way calls on a thread of their own. What waits meanwhile departs on the
    thread on which a call has landed, so that nobody is kept from returning.
    """

    def __init__(
        self,
        one: One,
        begin_one: Began,
        begin_many: Began,
        memory: Memory | None,
        *,
        clocks: Clocks,
        lock: Lock,
        timeout: float,
        batching: bool,
    ) -> None:
        self._one, self._begin_one, self._begin_many = one, begin_one, begin_many
        self._memory = memory
        self._clocks = clocks
        self._lock = lock
        self._timeout = timeout
        self._batching = batching
        self._flights: Final[Flights[Event]] = Flights()
        self._departures: Final[Departures[Event]] = Departures(self._flights)
        self._left_over: Final[deque[BlockingFlight]] = deque()
        self._singly = 0
        self._is_closed = False

    def close(self) -> None:
        """Begin no further call; whoever waits for one is told."""
        self._is_closed = True

    def alone(self, question: Question, seconds: float) -> Verdict:
        """By a call of its own, whose answer is kept for others."""
        asked = self._ask()
        request = requests.of_one(question.token, question.policy)
        return self._take(question, self._one(request, question.metadata, seconds), asked).verdict

    def shared(self, question: Question) -> tuple[Outcome, Verdict]:
        """By a call that others may join and go with."""
        began = self._ask()
        while True:
            flight, is_joined = self._board(question)
            self._wait(flight, began)
            verdict = flight.verdict()
            if not is_joined:
                return Outcome.MISS, verdict
            accepted = flight.brought.accepted if isinstance(flight.brought, Landed) else None
            if accepted is None:
                return Outcome.JOINED, verdict
            with self._lock:
                if self._memory is not None and self._memory.cache.may_answer(accepted, began):
                    return Outcome.JOINED, accepted.as_of(began)

    def _wait(self, flight: BlockingFlight, began: Asked) -> None:
        """Who gives up waiting does not end the call: others wait for it too."""
        try:
            if not flight.waiting.wait(began.at + self._timeout - self._clocks.steady()):
                raise time_over()
        finally:
            with self._lock:
                flight.waiters -= 1

    def _board(self, question: Question) -> tuple[BlockingFlight, bool]:
        """The flight for a question, and whether another caller began it."""
        is_neighbour = self._batching and len(question.raw) <= LARGEST_TOKEN
        batch: Sequence[BlockingFlight] = ()
        with self._lock:
            generation = self._memory.knowledge.generation if self._memory else 0
            found = self._flights.find(question.key, generation) if self._memory else None
            if found is not None:
                found.waiters += 1
                return found, True
            flight = Flight(question, Event(), generation, waiters=1)
            self._flights.add(flight)
            if is_neighbour:
                self._departures.add(flight)
                batch = self._departures.depart()
        if batch:  # a departure is free only where nobody waits: it is this one's own
            try:
                self._fly_here(flight)
            finally:
                self._landed()
        elif not is_neighbour:
            self._fly_here(flight)
        return flight, False

    def _fly_here(self, flight: BlockingFlight) -> None:
        asked, question = self._ask(), flight.question
        request = requests.of_one(question.token, question.policy)
        brought: Landed | SessiondError = given_up()
        try:
            response = self._one(request, question.metadata, self._timeout)
            brought = self._take(question, response, asked)
        except SessiondError as error:
            brought = error
        finally:
            self._land(flight, brought)

    def _landed(self) -> None:
        """A call has come back: those who wait go next."""
        while True:
            with self._lock:
                self._departures.land()
                batch = self._departures.depart()
            if batch and self._is_closed:
                self._land_all(batch, given_up())
                continue
            if batch:
                self._fly(batch)
            return

    def _fly(self, batch: Sequence[BlockingFlight]) -> None:
        """Begin a call for all of a batch."""
        if len(batch) == 1:
            self._begin_alone(batch[0], self._landed)
            return
        asked, first = self._ask(), batch[0].question
        request = requests.of_many([flight.question.token for flight in batch], first.policy)

        def landed(brought: Any) -> None:
            try:
                self._take_all(batch, brought, asked)
            finally:
                self._landed()

        self._begin_many(request, first.metadata, landed)

    def _begin_alone(self, flight: BlockingFlight, done: Callable[[], None]) -> None:
        asked, question = self._ask(), flight.question

        def landed(brought: Any) -> None:
            outcome: Landed | SessiondError = given_up()
            try:
                is_error = isinstance(brought, SessiondError)
                outcome = brought if is_error else self._take(question, brought, asked)
            finally:
                self._land(flight, outcome)
                done()

        self._begin_one(requests.of_one(question.token, question.policy), question.metadata, landed)

    def _take_all(self, batch: Sequence[BlockingFlight], brought: Any, asked: Asked) -> None:
        """What a call for many has brought; those who are left undecided by it are asked about singly."""
        if isinstance(brought, SessiondError):
            if brought.reason == "KEYS_UNAVAILABLE":
                self._ask_singly(batch)
            else:
                self._land_all(batch, brought)
            return
        if len(brought.results) != len(batch):
            self._land_all(batch, miscounted())
            return
        undecided = []
        for flight, response in zip(batch, brought.results, strict=True):
            if response.WhichOneof("verdict") != "undecided":
                self._land(flight, self._take(flight.question, response, asked))
            elif error := too_early(response):
                self._land(flight, error)
            else:
                undecided.append(flight)
        self._ask_singly(undecided)

    def _ask_singly(self, flights: Sequence[BlockingFlight]) -> None:
        if self._is_closed:
            self._land_all(flights, given_up())
            flights = ()
        departing = []
        with self._lock:
            self._left_over.extend(flights)
            while self._left_over and self._singly < SINGLY_AT_ONCE:
                flight = self._left_over.popleft()
                if not self._flights.abandon(flight):
                    departing.append(flight)
                    self._singly += 1
        for flight in departing:
            self._begin_alone(flight, self._next_singly)

    def _next_singly(self) -> None:
        with self._lock:
            self._singly -= 1
        self._ask_singly(())

    def _land_all(self, batch: Sequence[BlockingFlight], brought: SessiondError) -> None:
        for flight in batch:
            self._land(flight, brought)

    def _land(self, flight: BlockingFlight, brought: Landed | SessiondError) -> None:
        flight.brought = brought
        with self._lock:
            self._flights.remove(flight)
        flight.waiting.set()

    def _ask(self) -> Asked:
        """Taken before a call is made."""
        epoch = self._memory.knowledge.epoch if self._memory else 0
        return Asked(self._clocks.steady(), self._clocks.wall(), epoch)

    def _take(self, question: Question, response: ValidateTokenResponse, asked: Asked) -> Landed:
        if self._memory is None:
            return Landed(to_verdict(response))
        landed = read(response, question.raw, asked)
        with self._lock:
            self._memory.keep(question, landed)
        return landed
