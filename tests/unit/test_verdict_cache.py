"""What a client keeps: for how long, how much, and what it says when it repeats it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sessiond.cache import Acceptance, Asked, Cache, VerdictCache
from sessiond.knowledge import MOST_EVENTS, RETENTION, Freshness, Knowledge
from tests.support.watch_model.facts import Truth
from tests.support.watch_model.simulation import Simulation

TRUTH = Truth(Simulation(1))
TOKEN = TRUTH.token(key=TRUTH.key())
SKEW = 1_000_000.0
# Of another token, so that nothing is hit.
OTHER = bytes(16)


def near(seconds: float) -> Any:
    """What is left is rounded down to microseconds."""
    return pytest.approx(seconds, abs=2e-6)


def knowledge(*, fresh_until: float = 1_000.0) -> Knowledge:
    known = Knowledge()
    known.follow("c")
    known.cover(0.0)
    known.max_staleness = 1.0
    known.refresh(Freshness(fresh_until - 1.0, fresh_until, SKEW))
    return known


def acceptance(known: Knowledge, at: float = 100.0, **fields: Any) -> Acceptance:
    plain = Acceptance(
        session=TOKEN.session,
        asked=Asked(at, at + SKEW, known.epoch),
        revision_age=0.1,
        cache_for=0.0,
        watched_cache_for=60.0,
        configuration="c",
        hashed_ids=TOKEN.hashed_ids,
        key=TOKEN.key,
    )
    return replace(plain, **fields)


class Kept:
    """A cache with one acceptance, asked for at 100 s."""

    def __init__(self, *, bounds: Cache | None = None, fresh_until: float = 1_000.0, **fields: Any) -> None:
        self.known = knowledge(fresh_until=fresh_until)
        self.cache = VerdictCache(bounds or Cache(), self.known)
        self.cache.insert(b"k", acceptance(self.known, **fields), fields.get("at", 100.0) + 0.01)

    def left(self, now: float, wall: float | None = None) -> float | None:
        found = self.cache.find(b"k", now, now + SKEW if wall is None else wall)
        if found is None or found.cache_for is None:
            return None
        return found.cache_for.total_seconds()


def test_a_watched_acceptance_is_repeated_as_long_as_it_is_good_and_the_watch_fresh() -> None:
    kept = Kept(fresh_until=120.0)
    assert kept.left(110.0) == near(10.0)
    assert kept.left(119.9) == near(0.1)
    assert kept.left(120.0) is None
    kept.known.refresh(Freshness(199.0, 200.0, SKEW))
    assert kept.left(120.0) == near(40.0)
    assert kept.left(160.0) is None


def test_one_that_anybody_may_repeat_needs_no_watch() -> None:
    kept = Kept(fresh_until=0.0, cache_for=0.9, watched_cache_for=0.0)
    assert kept.left(100.5) == near(0.4)
    assert kept.left(100.9) is None


def test_the_clock_that_has_gone_further_counts() -> None:
    kept = Kept()
    assert kept.left(101.0, wall=SKEW + 110.0) == near(50.0)
    assert kept.left(101.0, wall=SKEW + 160.0) is None
    assert kept.left(101.0, wall=SKEW - 3600.0) == near(59.0)
    stale = Kept(fresh_until=103.0)
    assert stale.left(101.0, wall=SKEW + 104.0) is None


def test_nothing_lives_longer_than_what_is_heard_is_remembered() -> None:
    kept = Kept(cache_for=10_000.0, watched_cache_for=10_000.0, fresh_until=10_000.0)
    end = 100.0 - 0.1 + RETENTION
    assert kept.left(end - 0.01) is not None
    assert kept.left(end) is None


@pytest.mark.parametrize("at", [99.9, 100.0, 100.005])
def test_an_event_within_what_the_answer_could_not_know_forbids_keeping_it(at: float) -> None:
    known = knowledge()
    known.hear(TOKEN.hashed_ids[0], at)
    cache = VerdictCache(Cache(), known)
    cache.insert(b"k", acceptance(known), 100.01)
    assert len(cache) == 0
    assert at >= acceptance(known).since


def test_an_event_from_before_does_not_forbid_it() -> None:
    known = knowledge()
    known.hear(TOKEN.hashed_ids[0], 99.8)
    cache = VerdictCache(Cache(), known)
    cache.insert(b"k", acceptance(known), 100.01)
    assert len(cache) == 1


def test_a_withdrawn_key_forbids_it_as_long_as_it_is_remembered() -> None:
    for at, count in ((50.0, 0), (100.0 - RETENTION - 1, 1)):
        known = knowledge()
        known.withdraw(TOKEN.key, at)
        known.hear(OTHER, 100.0)
        cache = VerdictCache(Cache(), known)
        cache.insert(b"k", acceptance(known), 100.01)
        assert len(cache) == count


@pytest.mark.parametrize(
    "fields",
    [
        {"configuration": "d"},
        {"configuration": ""},
        {"asked": Asked(100.0, 100.0 + SKEW, 0)},
        {"watched_cache_for": 0.0},
        {"watched_cache_for": 0.005},
    ],
    ids=["another configuration", "none", "from before a reset", "no span", "a span that is over"],
)
def test_it_is_not_kept(fields: dict[str, Any]) -> None:
    assert len(Kept(**fields).cache) == 0


def test_what_the_watch_does_not_cover_is_not_kept_by_it() -> None:
    known = knowledge()
    known.cover(99.95)
    cache = VerdictCache(Cache(), known)
    cache.insert(b"k", acceptance(known), 100.01)
    assert len(cache) == 0
    cache.insert(b"k", acceptance(known, at=100.06), 100.07)
    assert len(cache) == 1


def test_too_many_events_cost_everything_kept_but_are_bounded() -> None:
    kept = Kept()
    for number in range(MOST_EVENTS + 1):
        kept.known.hear(number.to_bytes(16, "big"), 100.02)
    assert kept.left(100.03) is None
    # What was asked before is not kept any more: what hits it may be among what was forgotten.
    kept.cache.insert(b"k", acceptance(kept.known, at=100.05), 100.06)
    assert len(kept.cache) == 0
    kept.cache.insert(b"k", acceptance(kept.known, at=100.2), 100.21)
    assert kept.left(100.3) is not None


def filled(bounds: Cache, **fields: Any) -> VerdictCache:
    known = knowledge()
    cache = VerdictCache(bounds, known)
    for number in range(4):
        cache.insert(b"%d" % number, acceptance(known, **fields), 100.01)
        cache.find(b"0", 100.02, 100.02 + SKEW)
    return cache


@pytest.mark.parametrize("bounds", [Cache(max_entries=3), Cache(max_bytes=3 * 2_200)])
def test_what_is_not_used_goes_first(bounds: Cache) -> None:
    cache = filled(bounds, size=100)
    found = [number for number in range(4) if cache.find(b"%d" % number, 100.03, 100.03 + SKEW)]
    assert found == [0, 2, 3]


def test_what_is_larger_than_the_bound_is_not_kept_and_leaves_nothing_counted() -> None:
    cache = filled(Cache(max_bytes=10_000), size=5_000)
    assert len(cache) == 0
    assert cache._bytes == 0


def test_what_has_expired_makes_way_by_itself() -> None:
    kept = Kept()
    kept.cache.insert(b"l", acceptance(kept.known, at=170.0), 170.1)
    assert list(kept.cache._entries) == [b"l"]


def test_who_asked_before_the_call_is_answered_by_it() -> None:
    known = knowledge()
    accepted, cache = acceptance(known, cache_for=0.5), VerdictCache(Cache(), known)
    known.hear(TOKEN.hashed_ids[0], 100.0)
    assert cache.may_answer(accepted, Asked(99.0, 99.0 + SKEW, 0))


@pytest.mark.parametrize(
    ("began", "wall", "joins"),
    [(100.4, 100.4, True), (100.95, 100.95, False), (100.4, 101.0, False)],
    ids=["soon", "too late", "too late by the wall"],
)
def test_who_joins_is_answered_within_the_bound(began: float, wall: float, *, joins: bool) -> None:
    known = knowledge()
    cache = VerdictCache(Cache(), known)
    assert cache.may_answer(acceptance(known), Asked(began, wall + SKEW, 0)) is joins


def test_who_joins_is_not_answered_by_what_an_event_hits() -> None:
    known = knowledge()
    known.hear(TOKEN.hashed_ids[0], 100.0)
    assert not VerdictCache(Cache(), known).may_answer(acceptance(known), Asked(100.4, 100.4 + SKEW, 0))


def test_without_a_watch_joining_goes_by_what_anybody_may_repeat() -> None:
    known = Knowledge()
    cache = VerdictCache(Cache(), known)
    accepted = acceptance(known, cache_for=0.5, configuration="")
    assert cache.may_answer(accepted, Asked(100.4, 100.4 + SKEW, 0))
    assert not cache.may_answer(accepted, Asked(100.6, 100.6 + SKEW, 0))


def test_what_is_left_is_counted_from_when_a_joiner_asked() -> None:
    accepted = acceptance(knowledge(), cache_for=0.5)
    early = accepted.as_of(Asked(99.0, 99.0 + SKEW, 0)).cache_for
    late = accepted.as_of(Asked(100.4, 100.4 + SKEW, 0)).cache_for
    assert early is not None
    assert late is not None
    assert early.total_seconds() == near(0.5)
    assert late.total_seconds() == near(0.1)
    assert accepted.as_of(Asked(100.6, 100.6 + SKEW, 0)).cache_for is None


@pytest.mark.parametrize("name", ["max_entries", "max_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_a_bound_that_is_none_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: found {value!r}, allowed is a whole number from 1 on"):
        Cache(**{name: value})
