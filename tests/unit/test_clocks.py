"""The store's clock beside ours: a difference is told once, and a slow answer tells nothing."""

from __future__ import annotations

import math

import pytest

from sessiond_server.service.revocation.clocks import STANDS_AFTER_SECONDS, Clocks
from tests.support.fakes import FakeClock, RecordingLogger

DIFFER, AGREE = "the store's clock is not ours", "the store's clock is ours again"


class Pair:
    """A server's clock and a store's, and answers that take a while."""

    def __init__(self, *, allowed_seconds: float = 2.0) -> None:
        self.clock, self.logger = FakeClock(), RecordingLogger()
        self.clocks = Clocks(allowed_seconds=allowed_seconds, clock=self.clock, logger=self.logger)

    def answer(
        self, ahead: float, *, round_trip: float = 0.01, told_at: float = 0.5, partition: int = 0
    ) -> None:
        """The store, `ahead` of us, is asked, and shows its clock at this part of the round trip."""
        sent = self.clock.at
        store_ms = round((sent + self.clock.set_ahead + told_at * round_trip + ahead) * 1000)
        self.clock.at += round_trip
        self.clocks.compare(partition, store_ms, sent=sent)


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.mark.parametrize("ahead", [0.0, 0.3, -0.3, 1.7, -40.0])
def test_the_difference_is_counted_from_the_middle_of_the_round_trip(pair: Pair, ahead: float) -> None:
    pair.answer(ahead, round_trip=0.2)
    assert pair.clocks.difference_seconds == pytest.approx(ahead, abs=0.001)


def test_nothing_is_known_before_the_first_answer(pair: Pair) -> None:
    assert math.isnan(pair.clocks.difference_seconds)
    assert not pair.clocks.agree
    assert pair.clocks.excess_seconds is None


def test_clocks_that_differ_are_told_once_and_once_when_they_agree_again(pair: Pair) -> None:
    for ahead in (0.1, -0.1, 0.6, 0.7, 1.4, -0.8, 0.1, 0.2):
        pair.answer(ahead)
        assert pair.clocks.agree is (abs(ahead) < 0.5)
    assert [line[:2] for line in pair.logger.lines] == [("warning", DIFFER), ("info", AGREE)]
    assert pair.logger.said(DIFFER) == [{"ahead_seconds": pytest.approx(0.6, abs=0.001)}]


@pytest.mark.parametrize("sign", [1, -1])
def test_beyond_what_is_allowed_is_a_reason_not_to_serve(pair: Pair, sign: int) -> None:
    pair.answer(sign * 1.9)
    assert pair.clocks.excess_seconds is None
    pair.answer(sign * 2.1)
    assert pair.clocks.excess_seconds == pytest.approx(2.1, abs=0.01)
    pair.answer(sign * 1.9)
    assert pair.clocks.excess_seconds is None


def test_no_setting_makes_a_slow_network_a_reason(pair: Pair) -> None:
    pair = Pair(allowed_seconds=0.0)
    pair.answer(0.4)
    assert pair.clocks.excess_seconds is None
    pair.answer(0.6)
    assert pair.clocks.excess_seconds == pytest.approx(0.6, abs=0.01)


def test_a_reason_changes_in_steps(pair: Pair) -> None:
    told = set()
    for thousandth in range(400):
        pair.answer(5 + thousandth / 1000)
        told.add(pair.clocks.excess_seconds)
    assert len(told) == 1
    pair.answer(5.7)
    assert pair.clocks.excess_seconds == pytest.approx(5.7, abs=0.01)


def test_a_slow_answer_says_nothing(pair: Pair) -> None:
    """The store showed its clock when it was asked, and the answer was on its way for seconds."""
    pair.answer(0.0)
    pair.answer(0.0, round_trip=6.0, told_at=0.0)
    assert pair.clocks.difference_seconds == pytest.approx(0.0, abs=0.001)
    assert pair.clocks.excess_seconds is None
    assert pair.logger.lines == []


def test_at_the_limit_uncertain_answers_change_nothing(pair: Pair) -> None:
    """The clocks are a hair from the limit, and the answers tell of either end of their way."""
    for told_at in (0.0, 1.0, 0.0, 1.0):
        pair.answer(0.499, round_trip=0.2, told_at=told_at)
    assert pair.logger.lines == []
    pair.answer(0.7)
    for told_at in (0.0, 1.0, 0.0, 1.0):
        pair.answer(0.501, round_trip=0.2, told_at=told_at)
    assert [line[1] for line in pair.logger.lines] == [DIFFER]


def test_what_was_known_a_while_ago_is_not_gone_by(pair: Pair) -> None:
    pair.answer(0.0)
    assert pair.clocks.agree
    pair.clock.at += 1.0
    assert not pair.clocks.agree


def test_one_partition_is_enough_to_differ(pair: Pair) -> None:
    pair.answer(0.0, partition=0)
    pair.answer(-3.0, partition=1)
    pair.answer(0.1, partition=0)
    assert pair.clocks.difference_seconds == pytest.approx(-3.0, abs=0.001)
    assert not pair.clocks.agree
    assert pair.clocks.excess_seconds == pytest.approx(3.0, abs=0.01)
    pair.answer(0.0, partition=1)
    assert pair.clocks.agree
    assert [line[1] for line in pair.logger.lines] == [DIFFER, AGREE]


def test_a_partition_that_has_not_answered_lately_is_not_known_to_agree(pair: Pair) -> None:
    pair.answer(0.0, partition=1)
    pair.clock.at += 1.0
    pair.answer(0.0, partition=0)
    assert not pair.clocks.agree


TWO_DAYS = 48 * 3600.0


def pass_time(pair: Pair, seconds: float, *, drift: float = 0.0) -> None:
    """Let it pass, with an answer in every half second; both clocks may gain on the steady one."""
    for _ in range(round(seconds * 2)):
        pair.clock.set_ahead += drift / 2
        pair.clock.at += 0.5
        pair.answer(0.0, round_trip=0.0)


def test_what_has_expired_is_gone_by_once_the_stores_clock_has_stood_for_a_while(pair: Pair) -> None:
    pair.answer(0.0, round_trip=0.0)
    pass_time(pair, STANDS_AFTER_SECONDS - 1)
    assert pair.clocks.expired_by_ms is None
    pass_time(pair, 1)
    assert pair.clocks.expired_by_ms == pair.clock.now() * 1000


def test_a_jump_of_both_clocks_is_not_gone_by(pair: Pair) -> None:
    pass_time(pair, STANDS_AFTER_SECONDS + 1)
    pair.clock.set_ahead = TWO_DAYS
    pass_time(pair, 60)
    assert pair.clocks.agree
    assert pair.clocks.expired_by_ms is None
    pair.clock.set_ahead = 0
    pass_time(pair, STANDS_AFTER_SECONDS - 1)
    assert pair.clocks.expired_by_ms is None
    pass_time(pair, 2)
    assert pair.clocks.expired_by_ms == pair.clock.now() * 1000


def test_small_steps_are_a_jump_as_well(pair: Pair) -> None:
    pass_time(pair, STANDS_AFTER_SECONDS + 1)
    pass_time(pair, 60, drift=0.9)
    assert pair.clocks.expired_by_ms is None


def test_clocks_that_drift_are_gone_by_all_the_same(pair: Pair) -> None:
    for _ in range(5):
        pass_time(pair, STANDS_AFTER_SECONDS + 1, drift=0.001)
        assert pair.clocks.expired_by_ms is not None


def test_it_is_the_time_of_the_partition_that_is_behind(pair: Pair) -> None:
    for _ in range(round(STANDS_AFTER_SECONDS) + 2):
        pair.clock.at += 1
        pair.answer(0.1, round_trip=0.0, partition=0)
        pair.answer(-0.1, round_trip=0.0, partition=1)
    assert pair.clocks.expired_by_ms == (pair.clock.now() - 0.1) * 1000
    pair.clock.at += 1
    pair.answer(0.0, round_trip=0.0, partition=0)
    pair.answer(-0.1 + 2.0, round_trip=0.0, partition=1)
    pair.answer(-0.1, round_trip=0.0, partition=1)
    assert pair.clocks.expired_by_ms is None
