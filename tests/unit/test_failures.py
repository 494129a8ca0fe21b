"""The table of failures is complete, and says what the schema's catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessiond.v1 import error_reason_pb2
from sessiond_server.domain import failures
from sessiond_server.domain.failures import (
    Failure,
    Input,
    InputRefusedError,
    LoginRefusal,
    RefreshRefusal,
    RefreshRefusedError,
)
from sessiond_server.domain.rate import Activity, Per
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.transport.codec import refusals
from sessiond_server.transport.engine.port import INTERNAL, Status, StatusCode
from sessiond_server.transport.failures import STATUSES, to_status

SAMPLES = {
    refusals.FieldInvalidError: [refusals.FieldInvalidError("field", found="this", allowed="that")],
    refusals.FeatureUnsupportedError: [refusals.FeatureUnsupportedError("field")],
    # The codec makes a refused field of this one; it has a row for the case that a codec forgets to.
    failures.InputRefusedError: [],
    failures.CallerNotPermittedError: [failures.CallerNotPermittedError("group", "mint")],
    failures.LoginRefusedError: [failures.LoginRefusedError(Rejected(Reason.EXPIRED))],
    failures.RateLimitedError: [
        failures.RateLimitedError(Activity.REFRESH, Per.CALLER, "1/m", wait_seconds=1.0)
    ],
    RefreshRefusedError: [RefreshRefusedError(refusal) for refusal in RefreshRefusal],
}
CATALOGUE = Path("protos/sessiond/v1/error_reason.proto").read_text()


def kinds(of: type[Failure] = Failure) -> set[type[Failure]]:
    return set(of.__subclasses__()).union(*(kinds(kind) for kind in of.__subclasses__()))


def statuses() -> list[Status]:
    samples = [failure for kind in STATUSES for failure in (SAMPLES[kind] if kind in SAMPLES else [kind()])]
    return [*map(to_status, samples), INTERNAL]


def test_a_refused_login_says_what_is_wrong_with_its_access_token() -> None:
    opaque = to_status(failures.LoginRefusedError(Rejected(Reason.MALFORMED, {"form": "opaque"})))
    assert "have its provider issue access tokens as JWTs" in opaque.message
    assert opaque.metadata == {"rejection": "MALFORMED"}
    other = to_status(failures.LoginRefusedError(LoginRefusal.CLIENT_MISMATCH))
    assert other.message.endswith(": CLIENT_MISMATCH, the access token was issued to another application")


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


def test_a_reason_without_a_row_is_marked_as_never_sent() -> None:
    entries = re.findall(r"((?:  //.*\n)+)  ERROR_REASON_(\w+) = ", CATALOGUE)
    never_sent = {name for said, name in entries if "Not carried out yet: never sent." in said}
    sent = {status.reason for status in statuses()}
    assert {name for _, name in entries} - {"UNSPECIFIED"} == sent | never_sent
    assert not sent & never_sent


@pytest.mark.parametrize("status", statuses(), ids=lambda status: status.reason)
def test_messages_are_lower_case_and_say_when_to_try_again(status: Status) -> None:
    assert status.message[0].islower()
    assert not status.message.endswith(".")
    if status.reason in {"OVERLOADED", "WATCHERS_EXHAUSTED", "WATCH_FELL_BEHIND", "RATE_LIMITED"}:
        assert 0.5 <= (status.retry_after_seconds or 0) <= 1.5
    else:
        after = {StatusCode.UNAVAILABLE: 0.5, StatusCode.RESOURCE_EXHAUSTED: 60.0}
        assert status.retry_after_seconds == after.get(status.code)


def test_whoever_is_shed_comes_back_at_another_time_than_others() -> None:
    delays = {to_status(failures.OverloadedError()).retry_after_seconds for _ in range(20)}
    assert len(delays) > 1


def test_every_refusal_of_a_login_is_in_the_catalogue() -> None:
    entry = re.search(r"((?:  //.*\n)+)  ERROR_REASON_LOGIN_REFUSED = ", CATALOGUE)
    assert entry is not None
    assert {why.name for why in LoginRefusal} == set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", entry[1])) - {
        "FAILED_PRECONDITION",
        "AUDIENCE_MISMATCH",
    }


@pytest.mark.parametrize("what", Input)
def test_what_the_codec_has_no_name_for_is_told_all_the_same(what: Input) -> None:
    status = to_status(InputRefusedError(what, found="this", allowed="that"))
    assert status.reason == "FIELD_INVALID"
    assert status.metadata == {"field": what.name.lower(), "found": "this", "allowed": "that"}


def test_a_long_value_is_counted_and_not_repeated() -> None:
    assert failures.quoted('a"\n') == '"a\\"\\n"'
    assert failures.quoted("x" * 80) == '"' + "x" * 80 + '"'
    assert failures.quoted("x" * 81) == "81 characters"
