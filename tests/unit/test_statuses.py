"""The table of failures is complete, and says what the schema's catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from sessiond.v1 import error_reason_pb2
from sessiond_server.domain import failures
from sessiond_server.domain.failures import Failure, RefreshRefusal, RefreshRefusedError
from sessiond_server.transport.calls import Status
from sessiond_server.transport.statuses import INTERNAL, STATUSES, to_status

SAMPLES = {
    failures.FieldInvalidError: [failures.FieldInvalidError("field", found="this", allowed="that")],
    failures.FeatureUnsupportedError: [failures.FeatureUnsupportedError("field")],
    failures.CallerNotPermittedError: [failures.CallerNotPermittedError("group", "mint")],
    failures.LoginRefusedError: [failures.LoginRefusedError("EXPIRED")],
    RefreshRefusedError: [RefreshRefusedError(refusal) for refusal in RefreshRefusal],
}
CATALOGUE = Path("protos/sessiond/v1/error_reason.proto").read_text()


def kinds(of: type[Failure] = Failure) -> set[type[Failure]]:
    return set(of.__subclasses__()).union(*(kinds(kind) for kind in of.__subclasses__()))


def statuses() -> list[Status]:
    samples = [failure for kind in STATUSES for failure in SAMPLES.get(kind) or [kind()]]
    return [*map(to_status, samples), INTERNAL]


def test_every_failure_has_a_row() -> None:
    assert set(STATUSES) == kinds()


def test_no_reason_is_used_twice() -> None:
    reasons = [status.reason for status in statuses()]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("status", statuses(), ids=lambda status: status.reason)
def test_a_row_is_what_the_catalogue_says(status: Status) -> None:
    assert f"ERROR_REASON_{status.reason}" in set(error_reason_pb2.ErrorReason.keys())
    entry = re.search(rf"((?:  //.*\n)+)  ERROR_REASON_{status.reason} = ", CATALOGUE)
    assert entry is not None
    said = " ".join(line.strip(" /") for line in entry[1].splitlines())
    assert f"Status: {status.code.name}." in said
    for name in status.metadata:
        assert name in said


@pytest.mark.parametrize("status", statuses(), ids=lambda status: status.reason)
def test_messages_are_lower_case_and_say_when_to_try_again(status: Status) -> None:
    assert status.message[0].islower()
    assert not status.message.endswith(".")
    assert (status.retry_after_seconds is not None) is (status.code is grpc.StatusCode.UNAVAILABLE)


def test_a_long_value_is_counted_and_not_repeated() -> None:
    assert failures.quoted('a"\n') == '"a\\"\\n"'
    assert failures.quoted("x" * 80) == '"' + "x" * 80 + '"'
    assert failures.quoted("x" * 81) == "81 characters"
