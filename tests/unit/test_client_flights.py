"""Which tokens go together, and how many calls are under way at a time."""

from __future__ import annotations

from typing import Any

from sessiond.errors import given_up
from sessiond.flights import MOST_BYTES, MOST_TOKENS, Departures, Flight, Flights, Question
from sessiond.policy import NOTHING, Policy


def flight(name: str, *, policy: Policy = NOTHING, key: str = "", size: int = 1) -> Flight[None]:
    metadata = (("authorization", key),) if key else ()
    return Flight(Question(name, policy, metadata, bytes(size), name.encode()), None, 0, waiters=1)


def names(batch: list[Flight[Any]]) -> list[str]:
    return [one.question.token for one in batch]


def waiting(*flights: Flight[None]) -> Departures[None]:
    departures: Departures[None] = Departures(Flights())
    for one in flights:
        departures.add(one)
    return departures


def test_two_calls_are_under_way_and_no_more() -> None:
    departures = waiting(flight("a"))
    assert names(departures.depart()) == ["a"]
    departures.add(flight("b"))
    assert names(departures.depart()) == ["b"]
    departures.add(flight("c"))
    departures.add(flight("d"))
    assert departures.depart() == []
    departures.land()
    assert names(departures.depart()) == ["c", "d"]
    departures.land()
    assert departures.depart() == []


def test_only_what_is_demanded_alike_by_one_caller_goes_together() -> None:
    strict = Policy(scopes=["a"])
    departures = waiting(
        flight("a", key="k"),
        flight("b", key="l"),
        flight("c", key="k", policy=strict),
        flight("d", key="k", policy=Policy(scopes=["a"])),
        flight("e", key="k"),
    )
    assert names(departures.depart()) == ["a", "e"]
    assert names(departures.depart()) == ["b"]
    departures.land()
    assert names(departures.depart()) == ["c", "d"]


def test_a_call_has_a_bound_and_nobody_is_kept_waiting_by_a_crowd() -> None:
    crowd = [flight(f"t{number}") for number in range(MOST_TOKENS + 3)]
    departures = waiting(*crowd, flight("other", key="k"))
    assert len(departures.depart()) == MOST_TOKENS
    assert names(departures.depart()) == ["other"]
    departures.land()
    assert len(departures.depart()) == 3


def test_a_call_is_bounded_by_bytes() -> None:
    departures = waiting(*[flight(f"t{number}", size=MOST_BYTES // 4 + 1) for number in range(5)])
    assert len(departures.depart()) == 3
    assert len(departures.depart()) == 2


def test_a_flight_is_found_by_its_key_within_its_generation() -> None:
    flights: Flights[None] = Flights()
    one, other = flight("a"), flight("a")
    flights.add(one)
    assert flights.find(b"a", 0) is one
    assert flights.find(b"a", 1) is None
    assert flights.find(b"b", 0) is None
    flights.add(other)
    flights.remove(one)
    assert flights.find(b"a", 0) is other
    flights.remove(other)
    assert flights.find(b"a", 0) is None


def test_nobody_is_asked_for_who_has_left() -> None:
    flights: Flights[None] = Flights()
    departures = Departures(flights)
    left, here = flight("left"), flight("here")
    left.waiters = 0
    for one in (left, here):
        flights.add(one)
        departures.add(one)
    assert names(departures.depart()) == ["here"]
    assert flights.find(b"left", 0) is None
    assert flights.find(b"here", 0) is here


def test_neither_a_token_nor_a_key_is_shown() -> None:
    one = flight("secret token", key="secret key")
    one.brought = given_up()
    assert "secret" not in f"{one!r} {one.question!r} {waiting(one)!r} {one.brought!r}"
