"""Which streams a client has open: pauses, replacements, clocks that jump, servers that refuse."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import grpc
import pytest

from sessiond.errors import Details, SessiondError
from sessiond.knowledge import Knowledge
from sessiond.observer import WatchState
from sessiond.v1 import session_pb2, session_service_pb2
from sessiond.watch import LONGEST_LIFE, PATIENCE, SHORTEST_LIFE, Stream, Watch
from tests.support.watch_model.servers import heartbeat, reset, session_event, started

SKEW = 1_000_000.0


class Watching:
    """A watch whose clock the test moves; chance always gives the middle."""

    def __init__(self, chance: float = 0.5) -> None:
        self.now = 100.0
        self.skew = SKEW
        self.knowledge = Knowledge()
        self.watch = Watch(self.knowledge, lambda: chance)

    @property
    def streams(self) -> list[Stream]:
        return self.watch.streams

    @property
    def fresh_until(self) -> float:
        return self.knowledge.freshness.until

    def open(self) -> Stream:
        (stream,) = self.watch.due(self.now, self.now + self.skew)
        return stream

    def none_due(self) -> bool:
        return not self.watch.due(self.now, self.now + self.skew)

    def receive(self, stream: Stream, message: session_service_pb2.WatchRevocationsResponse) -> bool:
        return self.watch.receive(stream, message, self.now, self.now + self.skew)

    def start(self) -> Stream:
        stream = self.open()
        self.receive(stream, started(stream.revision or "r0", "c"))
        self.beat(stream)
        return stream

    def beat(self, stream: Stream, *, age: float = 0.0, on_the_way: float = 0.0) -> bool:
        since = self.now - stream.opened - on_the_way
        return self.receive(stream, heartbeat("", age, since))

    def end(
        self, stream: Stream, code: grpc.StatusCode, reason: str = "", retry: float | None = None
    ) -> None:
        after = None if retry is None else timedelta(seconds=retry)
        self.watch.end(stream, SessiondError(code, "", Details(reason, {}, after)), self.now)


def test_freshness_counts_from_when_the_stream_was_opened() -> None:
    watching = Watching()
    stream = watching.open()
    watching.now += 2.0
    watching.receive(stream, started("r0", "c"))
    watching.beat(stream, age=0.25, on_the_way=0.5)
    assert watching.fresh_until == pytest.approx(watching.now - 0.75 + 1.0)


def test_a_stream_is_replaced_in_time_and_the_next_is_opened_before_it_ends() -> None:
    for chance, life in ((0.0, SHORTEST_LIFE), (1.0, LONGEST_LIFE)):
        watching = Watching(chance)
        first = watching.start()
        while watching.now + 1 < 100.0 + life:
            watching.now += 1
            assert watching.none_due()
            watching.beat(first)
        watching.receive(first, session_event(bytes(16), "r7"))
        watching.now = 100.0 + life
        assert watching.watch.wake_at() <= watching.now
        second = watching.open()
        assert second.revision == "r7"
        assert watching.streams == [first, second]
        watching.receive(second, started("r7", "c"))
        assert watching.streams == [first, second]
        watching.now += 0.1
        assert watching.beat(second)
        assert watching.streams == [second]
        assert watching.watch.reconnects == 0


def test_a_replacement_that_proves_no_better_is_given_up() -> None:
    watching = Watching()
    first = watching.start()
    first.replace_at = watching.now
    second = watching.open()
    watching.receive(second, started("r0", "c"))
    for _ in range(40):
        watching.now += 0.1
        watching.beat(first)
        watching.beat(second, on_the_way=0.3)
        watching.watch.due(watching.now, watching.now + SKEW)
    assert watching.streams == [first]
    assert first.replace_at > watching.now - 1


def test_a_stream_that_is_late_three_times_running_is_replaced_with_growing_pauses() -> None:
    watching = Watching()
    stream = watching.start()
    opened = []
    for _ in range(600):
        watching.now += 0.1
        watching.beat(watching.streams[0], on_the_way=0.6)
        for other in watching.watch.due(watching.now, watching.now + SKEW):
            opened.append(watching.now)
            watching.receive(other, started("r0", "c"))
            watching.watch.end(other, None, watching.now)
    assert watching.streams == [stream]
    assert opened[0] == pytest.approx(100.3)
    gaps = [later - earlier for earlier, later in pairwise(opened)]
    assert gaps == sorted(gaps)
    assert len(opened) < 8


def test_two_late_heartbeats_are_none_too_many() -> None:
    watching = Watching()
    stream = watching.start()
    for on_the_way in (0.6, 0.6, 0.1, 0.6, 0.6, 0.1):
        watching.now += 0.2
        watching.beat(stream, on_the_way=on_the_way)
        assert watching.none_due()


def test_silence_ends_a_stream() -> None:
    watching = Watching()
    watching.start()
    watching.now += PATIENCE - 0.1
    assert watching.none_due()
    watching.now += 0.1
    assert watching.watch.wake_at() <= watching.now
    assert watching.none_due()
    assert watching.streams == []
    assert watching.watch.state is WatchState.LOST
    watching.now += 0.1
    watching.open()


def test_pauses_grow_until_a_stream_is_fresh_again() -> None:
    watching = Watching()
    pauses = []
    for _ in range(6):
        watching.end(watching.open(), grpc.StatusCode.UNAVAILABLE)
        pauses.append(watching.watch.wake_at() - watching.now)
        watching.now = watching.watch.wake_at()
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0])
    watching.end(watching.start(), grpc.StatusCode.UNAVAILABLE)
    assert watching.watch.wake_at() - watching.now == pytest.approx(0.05)


def test_a_server_may_say_when_to_come_again() -> None:
    watching = Watching()
    watching.end(watching.start(), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry=5.0)
    assert watching.watch.wake_at() == pytest.approx(watching.now + 5.0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNIMPLEMENTED, ""),
        (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_PERMITTED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHERS_EXHAUSTED"),
    ],
)
def test_who_is_refused_asks_again_later(code: grpc.StatusCode, reason: str) -> None:
    watching = Watching()
    watching.end(watching.open(), code, reason)
    assert watching.watch.state is WatchState.REFUSED
    assert 30 <= watching.watch.wake_at() - watching.now <= 33


def test_a_revision_that_is_refused_is_not_asked_for_again() -> None:
    watching = Watching()
    first = watching.start()
    before = watching.knowledge.epoch
    watching.end(first, grpc.StatusCode.INVALID_ARGUMENT)
    watching.now += 1
    again = watching.open()
    assert again.revision == ""
    watching.receive(again, started("r9", "c"))
    assert watching.knowledge.covered_since == watching.now
    assert watching.knowledge.epoch > before


def test_a_stream_that_goes_on_covers_what_was_covered_before() -> None:
    watching = Watching()
    first = watching.start()
    since, epoch = watching.knowledge.covered_since, watching.knowledge.epoch
    watching.end(first, grpc.StatusCode.UNAVAILABLE)
    watching.now += 1
    watching.start()
    assert (watching.knowledge.covered_since, watching.knowledge.epoch) == (since, epoch)


def test_a_reset_covers_what_is_asked_from_then_on() -> None:
    watching = Watching()
    stream, epoch = watching.start(), watching.knowledge.epoch
    watching.now += 1
    watching.receive(stream, reset("r9", "c"))
    assert watching.knowledge.covered_since == watching.now
    assert watching.knowledge.epoch > epoch
    assert stream.revision == "r9"


@pytest.mark.parametrize("skew", [1.1, -1.1])
def test_clocks_that_disagree_void_the_anchor(skew: float) -> None:
    watching = Watching()
    stream = watching.start()
    watching.now += 0.2
    watching.skew += skew
    assert watching.beat(stream)
    assert watching.fresh_until < watching.now
    assert watching.streams == []
    assert watching.open().revision == "r0"


def test_what_would_be_known_in_the_future_voids_the_anchor() -> None:
    watching = Watching()
    stream = watching.start()
    watching.now += 0.2
    assert watching.beat(stream, on_the_way=-0.1)
    assert watching.fresh_until < watching.now
    assert watching.streams == []


def test_a_wall_clock_that_is_slewed_voids_nothing() -> None:
    watching = Watching()
    stream = watching.start()
    watching.now += 0.2
    watching.skew += 0.9
    watching.beat(stream)
    assert watching.streams == [stream]


def test_a_stream_that_begins_with_something_else_is_given_up() -> None:
    watching = Watching()
    stream = watching.open()
    assert watching.receive(stream, heartbeat("", 0.0, 0.0))
    assert watching.streams == []
    assert watching.knowledge.freshness.known < 0


def test_what_comes_on_a_stream_that_was_given_up_counts_for_nothing() -> None:
    watching = Watching()
    stream = watching.start()
    watching.end(stream, grpc.StatusCode.UNAVAILABLE)
    sequence = watching.knowledge.sequence
    watching.receive(stream, session_event(bytes(16), "r9"))
    assert watching.knowledge.sequence == sequence


def test_an_event_without_a_place_in_the_log_leaves_the_revision_as_it_is() -> None:
    watching = Watching()
    stream = watching.start()
    key = session_pb2.Revocation(type=session_pb2.REVOCATION_TYPE_KEY, hashed_id=bytes(16))
    watching.receive(stream, session_service_pb2.WatchRevocationsResponse(revocation=key))
    assert stream.revision == "r0"
    assert watching.knowledge.is_withdrawn(bytes(16))
