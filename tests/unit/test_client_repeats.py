"""How long the Python client waits before it makes a call again."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from sessiond import UnavailableError
from sessiond.errors import Details
from sessiond.repeats import IDEMPOTENT, Attempts


def unavailable(*, reason: str = "", after: float | None = 0.5) -> UnavailableError:
    retry_after = None if after is None else timedelta(seconds=after)
    return UnavailableError(grpc.StatusCode.UNAVAILABLE, "m", Details(reason, {}, retry_after))


def test_pauses_grow_where_the_server_has_not_said_how_long() -> None:
    attempts = Attempts(IDEMPOTENT, 60)
    first, second, third = (attempts.pause(unavailable()) for _ in range(3))
    assert first is not None
    assert second is not None
    assert 0.025 <= first <= 0.05
    assert 0.05 <= second <= 0.1
    assert third is None


def test_what_the_server_says_is_obeyed() -> None:
    assert Attempts(IDEMPOTENT, 60).pause(unavailable(reason="OVERLOADED", after=7)) == 7


def test_a_reason_without_a_delay_has_the_client_choose() -> None:
    pause = Attempts(IDEMPOTENT, 60).pause(unavailable(reason="OVERLOADED", after=None))
    assert pause is not None
    assert pause <= 0.05


def test_a_repeat_that_is_left_out_is_no_attempt() -> None:
    attempts = Attempts(IDEMPOTENT, 60)
    assert attempts.pause(unavailable()) is not None
    assert attempts.pause(unavailable(reason="OVERLOADED", after=61)) is None
    assert attempts.made == 2


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_deadline_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout: found"):
        Attempts(IDEMPOTENT, timeout)
