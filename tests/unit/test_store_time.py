"""The store's time as it is reckoned: never behind what it was, and little ahead."""

from __future__ import annotations

import pytest

from sessiond_server.adapters.store.store_time import StoreTime
from sessiond_server.adapters.store.time_limits import COMMAND_LIFE_SECONDS, TIMEOUT_SECONDS, TURN_SECONDS
from tests.support.fakes import FakeClock

# The store's clock is far from ours: only its pace is the same.
AHEAD_MS = 5_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(at=1000.0006)


def answered(clock: FakeClock, time: StoreTime, *, round_trip: float, told_at: float) -> None:
    """The store was asked, and showed its clock at this part of the round trip."""
    sent = clock.at
    store_ms = int((sent + told_at * round_trip) * 1000) + AHEAD_MS
    clock.at += round_trip
    time.take(0, store_ms, sent=sent)


def behind_ms(clock: FakeClock, time: StoreTime) -> float:
    """How far what is reckoned for now is behind the store's clock."""
    reckoned = time.at(0, clock.at)
    assert reckoned is not None
    return clock.at * 1000 + AHEAD_MS - reckoned


def test_what_was_never_told_is_not_known(clock: FakeClock) -> None:
    time = StoreTime(clock.steady)
    assert time.at(0, clock.at) is None
    answered(clock, time, round_trip=0.0, told_at=0.0)
    assert time.at(1, clock.at) is None
    time.forget(0)
    assert time.at(0, clock.at) is None


@pytest.mark.parametrize("told_at", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("round_trip", [0.0004, 0.0101, TIMEOUT_SECONDS])
def test_it_is_never_behind_and_ahead_by_the_way_at_the_most(
    clock: FakeClock, round_trip: float, told_at: float
) -> None:
    time = StoreTime(clock.steady)
    answered(clock, time, round_trip=round_trip, told_at=told_at)
    for later in (0.0, 0.0007, 3.3, 3600.0):
        clock.at += later
        assert -round_trip * 1000 - 1.01 <= behind_ms(clock, time) < 1
        # What the store says now, cut off to milliseconds, is not behind it.
        assert int(clock.at * 1000) + AHEAD_MS <= time.at(0, clock.at)


def test_a_moment_that_is_gone_by_is_reckoned_too(clock: FakeClock) -> None:
    time, came = StoreTime(clock.steady), clock.at
    clock.at += 9.0
    answered(clock, time, round_trip=0.0, told_at=0.0)
    assert time.at(0, came) == pytest.approx(came * 1000 + AHEAD_MS, abs=1)


@pytest.mark.parametrize(("told_at", "behind"), [(0.0, 11_750.0), (1.0, -250.0)])
def test_an_answer_that_nobody_took_for_long_makes_no_command_live_longer(
    clock: FakeClock, told_at: float, behind: float
) -> None:
    """This process stood still for twelve seconds: the store may have answered before or behind them."""
    time = StoreTime(clock.steady)
    answered(clock, time, round_trip=12.0, told_at=told_at)
    assert behind_ms(clock, time) == pytest.approx(behind, abs=1)


def test_a_healthy_call_is_never_late(clock: FakeClock) -> None:
    """It waits for its turn and a connection, and the log was read half a second late."""
    time = StoreTime(clock.steady)
    answered(clock, time, round_trip=0.5, told_at=0.0)
    not_after_ms = time.at(0, clock.at + COMMAND_LIFE_SECONDS)
    clock.at += TURN_SECONDS + 2 * TIMEOUT_SECONDS
    assert clock.at * 1000 + AHEAD_MS <= not_after_ms
