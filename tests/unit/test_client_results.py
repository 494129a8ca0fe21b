"""What the Python client makes of an answer without a verdict: nothing that could be taken for accepted."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from sessiond import Rejection, Undecided
from sessiond.results import to_verdict, to_verdict_of_many
from sessiond.v1.error_reason_pb2 import ErrorReason
from sessiond.v1.session_service_pb2 import ValidateTokenResponse

UNDECIDED = ValidateTokenResponse(
    undecided={"reason": ErrorReason.ERROR_REASON_KEYS_UNAVAILABLE, "retry_after": Duration(seconds=2)}
)


def test_one_of_many_may_be_undecided() -> None:
    assert to_verdict_of_many(UNDECIDED) == Undecided("KEYS_UNAVAILABLE", timedelta(seconds=2))


def test_a_reason_that_is_not_known_is_unspecified() -> None:
    answer = ValidateTokenResponse(undecided={"reason": 999})
    assert to_verdict_of_many(answer) == Undecided("UNSPECIFIED", timedelta())


def test_one_of_many_without_anything_is_rejected() -> None:
    assert isinstance(to_verdict_of_many(ValidateTokenResponse()), Rejection)


def test_a_token_that_was_asked_about_alone_is_rejected_instead() -> None:
    assert isinstance(to_verdict(UNDECIDED), Rejection)
