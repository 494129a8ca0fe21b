"""What a watcher is told, as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond.v1.session_pb2 import RevocationType as WireType
from sessiond.v1.session_service_pb2 import WatchRevocationsRequest, WatchRevocationsResponse
from sessiond_server.domain.revocation import (
    CHAIN_START,
    FOREVER_MS,
    Position,
    Revocation,
    RevocationType,
    to_revision,
)
from sessiond_server.service.revocation.events import Event
from sessiond_server.service.revocation.watch import Freshness, Reset, Started
from sessiond_server.transport.codec.refusals import FieldInvalidError
from sessiond_server.transport.codec.watch import WatchEncoder, decode

ENCODER = WatchEncoder(configuration="c", server="s")
POSITIONS = [Position(b"i" * 16, number, 7, CHAIN_START) for number in range(2)]


def told(message: Any) -> Any:
    return WatchRevocationsResponse.FromString(ENCODER.encode(message))


def test_a_start_and_a_reset_say_under_which_settings() -> None:
    started = told(Started("r", 1.5)).started
    assert (started.revision, started.configuration, started.server) == ("r", "c", "s")
    assert (started.max_staleness.seconds, started.max_staleness.nanos) == (1, 500_000_000)
    reset = told(Reset("r")).reset
    assert (reset.revision, reset.configuration) == ("r", "c")


@pytest.mark.parametrize("type_", RevocationType)
def test_a_revocation_says_what_it_hits_and_no_more(type_: RevocationType) -> None:
    revocation = Revocation(
        type_, b"h" * 16, 1_800_000_000_000, 1_900_000_000_500, b"x" * 16, b"y" * 16, 1_700_000_000_000
    )
    sent = told(Event(revocation, "r", POSITIONS[0], 0.0)).revocation
    assert WireType.Name(sent.type) == f"REVOCATION_TYPE_{type_.name}"
    assert (sent.hashed_id, sent.revision) == (b"h" * 16, "r")
    assert sent.expire_time.ToMilliseconds() == 1_900_000_000_500
    assert b"xxxx" not in sent.SerializeToString()


def test_what_is_revoked_for_good_expires_at_the_last_moment_that_can_be_told() -> None:
    key = Revocation(RevocationType.KEY, b"h" * 16, 1_800_000_000_000, FOREVER_MS)
    sent = told(Event(key, "r", POSITIONS[0], 0.0)).revocation
    assert sent.expire_time.ToJsonString() == "9999-12-31T23:59:59Z"


def test_an_event_is_encoded_once_for_all_who_watch() -> None:
    event = Event(Revocation(RevocationType.KEY, b"h" * 16, FOREVER_MS, 1), "", None, 0.0)
    assert ENCODER.encode(event) is ENCODER.encode(event)


def test_a_watcher_takes_itself_for_no_fresher_than_it_is() -> None:
    sent = told(Freshness("r", age_seconds=0.0000015, since_start_seconds=2.0000015)).freshness
    assert sent.revision == "r"
    assert (sent.age.seconds, sent.age.nanos) == (0, 2000)
    assert (sent.since_start.seconds, sent.since_start.nanos) == (2, 1000)


def test_what_a_watcher_knows_is_read_by_partition() -> None:
    assert decode(WatchRevocationsRequest()) is None
    request = WatchRevocationsRequest(from_revision=to_revision(POSITIONS))
    assert decode(request) == {0: POSITIONS[0], 1: POSITIONS[1]}


def test_what_is_no_revision_names_its_field() -> None:
    with pytest.raises(FieldInvalidError) as refused:
        decode(WatchRevocationsRequest(from_revision="no revision"))
    assert refused.value.field == "from_revision"
