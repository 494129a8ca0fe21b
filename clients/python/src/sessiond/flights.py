"""Calls under way: who may wait for one that another caller began, and which tokens go together."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sessiond.access import Metadata
from sessiond.cache import Acceptance
from sessiond.errors import SessiondError, rate_limited
from sessiond.policy import Policy
from sessiond.results import Verdict
from sessiond.v1.error_reason_pb2 import ErrorReason
from sessiond.v1.session_service_pb2 import ValidateTokenResponse

MOST_IN_FLIGHT: Final = 2
MOST_TOKENS: Final = 256
MOST_BYTES: Final = 512 << 10
# A token above this is no neighbour for others.
LARGEST_TOKEN: Final = 16 << 10
# So many of a batch that has to be taken apart are asked about at once.
SINGLY_AT_ONCE: Final = 8

Waiting = TypeVar("Waiting")


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """One token, by one policy, of one caller; `key` is under what its acceptance is kept.

    It has no `repr`, which would show the token and the caller's key.
    """

    token: str
    policy: Policy
    metadata: Metadata
    raw: bytes
    key: bytes

    @property
    def group(self) -> tuple[bytes, Metadata]:
        """What goes together has the same demand and the same caller."""
        return self.policy.digest, self.metadata


@dataclass(frozen=True, slots=True)
class Landed:
    """What a call has brought for one token."""

    verdict: Verdict
    accepted: Acceptance | None = None


@dataclass(slots=True, eq=False, repr=False)
class Flight(Generic[Waiting]):
    """A question that is asked, or is to be; `waiting` wakes those who wait for what it brings."""

    question: Question
    waiting: Waiting
    generation: int
    waiters: int = 0
    brought: Landed | SessiondError | None = None

    def verdict(self) -> Verdict:
        """What has landed; an error is raised anew for each who waited."""
        if isinstance(self.brought, Landed):
            return self.brought.verdict
        assert self.brought is not None  # noqa: S101 - who asks has waited for it
        raise self.brought.again()


def too_early(response: ValidateTokenResponse) -> SessiondError | None:
    """Why an undecided token of many is not to be asked about by itself, if it is not."""
    if response.undecided.reason != ErrorReason.ERROR_REASON_RATE_LIMITED:
        return None
    return rate_limited(response.undecided.retry_after.ToTimedelta())


class Flights(Generic[Waiting]):
    """One flight for each question, that later callers may join."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Flight[Waiting]] = {}

    def find(self, key: bytes, generation: int) -> Flight[Waiting] | None:
        """A flight to join; none from before this client revoked something, or had to forget."""
        flight = self._by_key.get(key)
        return flight if flight is not None and flight.generation == generation else None

    def add(self, flight: Flight[Waiting]) -> None:
        """From now on this one is found."""
        self._by_key[flight.question.key] = flight

    def remove(self, flight: Flight[Waiting]) -> None:
        """It has landed, or is not to be joined any more."""
        if self._by_key.get(flight.question.key) is flight:
            del self._by_key[flight.question.key]

    def abandon(self, flight: Flight[Waiting]) -> bool:
        """Whether nobody waits any more for a flight that is still to depart; nobody joins it then.

        Where a server is slow, a queue of those would have it asked for nobody.
        """
        if not flight.waiters:
            self.remove(flight)
        return not flight.waiters


class Departures(Generic[Waiting]):
    """At most two calls at a time; whoever comes meanwhile goes with the next one.

    There is no timer: who comes alone goes at once. What is abandoned meanwhile stays behind, and is found in
    `flights` no more.
    """

    def __init__(self, flights: Flights[Waiting]) -> None:
        self._flights = flights
        self._in_flight = 0
        self._groups: OrderedDict[tuple[bytes, Metadata], deque[Flight[Waiting]]] = OrderedDict()

    def add(self, flight: Flight[Waiting]) -> None:
        """Let a flight wait for the next departure."""
        self._groups.setdefault(flight.question.group, deque()).append(flight)

    def depart(self) -> list[Flight[Waiting]]:
        """Those that go together now, in one call; empty if nobody may. `land` has to follow."""
        batch: list[Flight[Waiting]] = []
        while self._groups and not batch and self._in_flight < MOST_IN_FLIGHT:
            group, queue = self._groups.popitem(last=False)
            batch = self._next_of(queue)
            if queue:
                self._groups[group] = queue  # behind the others
        if batch:
            self._in_flight += 1
        return batch

    def _next_of(self, queue: deque[Flight[Waiting]]) -> list[Flight[Waiting]]:
        batch: list[Flight[Waiting]] = []
        size = 0
        while queue and len(batch) < MOST_TOKENS and size + len(queue[0].question.raw) <= MOST_BYTES:
            flight = queue.popleft()
            if not self._flights.abandon(flight):
                batch.append(flight)
                size += len(flight.question.raw)
        return batch

    def land(self) -> None:
        """A call has come back."""
        self._in_flight -= 1
