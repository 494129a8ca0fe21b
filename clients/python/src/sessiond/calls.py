"""Calls for verdicts on asyncio: one for a token at a time, and few for many tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
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
from sessiond.v1.session_service_pb2 import (
    ValidateTokenRequest,
    ValidateTokenResponse,
    ValidateTokensRequest,
    ValidateTokensResponse,
)

_READ_AT_ONCE: Final = 32
# Both raise a SessiondError; the first is given how many seconds it may take.
One: TypeAlias = Callable[[ValidateTokenRequest, Metadata, float], Awaitable[ValidateTokenResponse]]
Many: TypeAlias = Callable[[ValidateTokensRequest, Metadata], Awaitable[ValidateTokensResponse]]
AsyncFlight: TypeAlias = Flight[asyncio.Event]


class AsyncCalls:
    """Keeps what the calls bring in `memory`; without one nothing is kept, and no call is joined."""

    def __init__(
        self,
        one: One,
        many: Many,
        memory: Memory | None,
        *,
        clocks: Clocks,
        timeout: float,
        batching: bool,
    ) -> None:
        self._one, self._many = one, many
        self._memory = memory
        self._clocks = clocks
        self._timeout = timeout
        self._batching = batching
        self._flights: Final[Flights[asyncio.Event]] = Flights()
        self._departures: Final[Departures[asyncio.Event]] = Departures(self._flights)
        self._singly: Final = asyncio.Semaphore(SINGLY_AT_ONCE)
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._is_departing = False
        self._is_closed = False

    async def close(self) -> None:
        """Give up every call under way; whoever waits for one is told."""
        self._is_closed = True
        self._depart()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def alone(self, question: Question, seconds: float) -> Verdict:
        """By a call of its own, whose answer is kept for others."""
        asked = self._ask()
        request = requests.of_one(question.token, question.policy)
        response = await self._one(request, question.metadata, seconds)
        return self._take(question, response, asked).verdict

    async def shared(self, question: Question) -> tuple[Outcome, Verdict]:
        """By a call that others may join and go with."""
        began = self._ask()
        while True:
            flight = self._joinable(question)
            is_joined = flight is not None
            if flight is None:
                flight = self._begin(question)
            await self._wait(flight, began)
            verdict = flight.verdict()
            if not is_joined:
                return Outcome.MISS, verdict
            accepted = flight.brought.accepted if isinstance(flight.brought, Landed) else None
            if accepted is None:
                return Outcome.JOINED, verdict
            if self._memory is not None and self._memory.cache.may_answer(accepted, began):
                return Outcome.JOINED, accepted.as_of(began)

    async def _wait(self, flight: AsyncFlight, began: Asked) -> None:
        """Who gives up waiting does not end the call: others wait for it too."""
        left = began.at + self._timeout - self._clocks.steady()
        flight.waiters += 1
        try:
            async with asyncio.timeout(left):
                await flight.waiting.wait()
        except TimeoutError:
            raise time_over() from None
        finally:
            flight.waiters -= 1

    def _joinable(self, question: Question) -> AsyncFlight | None:
        if self._memory is None:
            return None
        return self._flights.find(question.key, self._memory.knowledge.generation)

    def _begin(self, question: Question) -> AsyncFlight:
        generation = self._memory.knowledge.generation if self._memory else 0
        flight = Flight(question, asyncio.Event(), generation)
        self._flights.add(flight)
        if not self._batching or len(question.raw) > LARGEST_TOKEN:
            self._spawn(self._fly_alone(flight))
            return flight
        self._departures.add(flight)
        if not self._is_departing:
            # Whoever else asks in this turn of the loop goes with it.
            self._is_departing = True
            asyncio.get_running_loop().call_soon(self._depart)
        return flight

    def _depart(self) -> None:
        self._is_departing = False
        while batch := self._departures.depart():
            if self._is_closed:
                self._departures.land()
                self._land_all(batch, given_up())
            else:
                self._spawn(self._fly(batch))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fly(self, batch: Sequence[AsyncFlight]) -> None:
        try:
            if len(batch) == 1:
                await self._fly_alone(batch[0])
            else:
                await self._fly_together(batch)
        finally:
            self._departures.land()
            self._depart()

    async def _fly_together(self, batch: Sequence[AsyncFlight]) -> None:
        """In one call; those who are left undecided by it are asked about singly."""
        asked, first = self._ask(), batch[0].question
        request = requests.of_many([flight.question.token for flight in batch], first.policy)
        try:
            results = (await self._many(request, first.metadata)).results
            if len(results) == len(batch):
                await self._land_each(batch, results, asked)
            else:
                self._land_all(batch, miscounted())
        except SessiondError as error:
            if error.reason == "KEYS_UNAVAILABLE":
                self._ask_singly(batch)
            else:
                self._land_all(batch, error)
        except BaseException:
            self._land_all([flight for flight in batch if flight.brought is None], given_up())
            raise

    async def _land_each(
        self, batch: Sequence[AsyncFlight], results: Sequence[ValidateTokenResponse], asked: Asked
    ) -> None:
        undecided = []
        for number, (flight, response) in enumerate(zip(batch, results, strict=True)):
            if number % _READ_AT_ONCE == _READ_AT_ONCE - 1:
                await asyncio.sleep(0)  # a full batch is milliseconds of reading
            if response.WhichOneof("verdict") != "undecided":
                self._land(flight, self._take(flight.question, response, asked))
            elif error := too_early(response):
                self._land(flight, error)
            else:
                undecided.append(flight)
        self._ask_singly(undecided)

    def _ask_singly(self, flights: Sequence[AsyncFlight]) -> None:
        for flight in flights:
            self._spawn(self._fly_singly(flight))

    async def _fly_singly(self, flight: AsyncFlight) -> None:
        try:
            await self._singly.acquire()
        except BaseException:
            self._land(flight, given_up())
            raise
        try:
            if not self._flights.abandon(flight):
                await self._fly_alone(flight)
        finally:
            self._singly.release()

    async def _fly_alone(self, flight: AsyncFlight) -> None:
        asked, question = self._ask(), flight.question
        try:
            response = await self._one(
                requests.of_one(question.token, question.policy), question.metadata, self._timeout
            )
            self._land(flight, self._take(question, response, asked))
        except SessiondError as error:
            self._land(flight, error)
        except BaseException:
            self._land(flight, given_up())
            raise

    def _land_all(self, batch: Sequence[AsyncFlight], brought: SessiondError) -> None:
        for flight in batch:
            self._land(flight, brought)

    def _land(self, flight: AsyncFlight, brought: Landed | SessiondError) -> None:
        flight.brought = brought
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
        self._memory.keep(question, landed)
        return landed
