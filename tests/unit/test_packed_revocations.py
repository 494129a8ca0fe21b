"""Very many revocations: what is packed is known as well as what is not, in little memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.packed_revocations import PackedRevocations, Space
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, Position, Revocation, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.view import RECENT_REVOCATIONS, RevocationView
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.revocations import LogPage, RevocationLog
from tests.support.examples import examples
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.revocations import alone

EXPIRY_MS = 1000


class Memory(Space):
    """A space that can be full."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.limit = 2**30

    @override
    def write(self, at: int, packed: bytes) -> None:
        assert at <= len(self.held)
        if at + len(packed) > self.limit:
            raise OSError(errno.ENOSPC, "full")
        self.held[at : at + len(packed)] = packed

    @override
    def read(self, at: int, size: int) -> bytes:
        assert at + size <= len(self.held)
        return bytes(self.held[at : at + size])


def numbered(number: int, *, expire_ms: int = EXPIRY_MS) -> Revocation:
    return Revocation(RevocationType.SESSION, number.to_bytes(16, "big"), FOREVER_MS, expire_ms)


def ids_of(*hashed_ids: bytes, started_ms: int = 0) -> RevocationIds:
    return RevocationIds(hashed_ids, NO_ID, NO_ID, started_ms=started_ms, placing_byte=0)


def packed_view(space: Space, *entries: Revocation) -> RevocationView:
    view = RevocationView(partitions=1, space=space, max_recent=0)
    for entry in entries:
        view.apply(0, entry)
        view.pack()
    return view


def test_what_is_packed_is_known() -> None:
    view = packed_view(Memory(), *map(numbered, range(300)))
    known = [view.revokes(0, ids_of(numbered(number).hashed_id)) for number in range(400)]
    assert known == [True] * 300 + [False] * 100
    assert len(view) == 300


@pytest.mark.parametrize("place", range(3))
def test_any_of_a_tokens_ids_is_enough(place: int) -> None:
    hashed_ids = [numbered(number).hashed_id for number in (7, 8, 9)]
    hashed_ids[place] = numbered(1).hashed_id
    assert packed_view(Memory(), numbered(1)).revokes(0, ids_of(*hashed_ids))


numbers = st.integers(0, 5)
times = st.integers(0, 5)
applied = st.builds(
    Revocation,
    type=st.just(RevocationType.SUBJECT),
    hashed_id=numbers.map(lambda number: number.to_bytes(16, "big")),
    not_before_ms=times,
    expire_ms=st.integers(1, 5),
    except_session=st.sampled_from([NO_ID, b"s" * 16]),
    except_provider_session=st.just(NO_ID),
    floor_ms=times,
)


@settings(max_examples=examples(100))
@given(
    st.lists(applied | st.sampled_from(["pack", "forget"]), max_size=25),
    st.integers(0, 3),
    st.sampled_from([NO_ID, b"s" * 16]),
)
def test_packing_changes_no_answer(steps: list[Revocation | str], max_recent: int, session: bytes) -> None:
    packing = RevocationView(partitions=1, space=Memory(), max_recent=max_recent)
    plain = RevocationView(partitions=1)
    for now_ms, step in enumerate(steps):
        if step == "pack":
            packing.pack()
        elif step == "forget":
            assert packing.forget_expired(now_ms=min(now_ms, 3))
            plain.forget_expired(now_ms=min(now_ms, 3))
        elif isinstance(step, Revocation):
            packing.apply(0, step)
            plain.apply(0, step)
    for number in range(6):
        for started in range(7):
            asked = replace(ids_of(number.to_bytes(16, "big"), started_ms=started), session=session)
            assert packing.revokes(0, asked) == plain.revokes(0, asked)


def test_an_id_that_only_shares_the_hash_is_not_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiond_server.domain.packed_revocations.hash", lambda _: 5, raising=False)
    view = packed_view(Memory(), *map(numbered, range(4)))
    assert all(view.revokes(0, ids_of(numbered(number).hashed_id)) for number in range(4))
    assert not view.revokes(0, ids_of(numbered(4).hashed_id))


def test_of_two_with_the_same_bucket_each_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sessiond_server.domain.packed_revocations.hash", lambda octets: octets[-1] << 16, raising=False
    )
    view = packed_view(Memory(), numbered(3), numbered(2))
    assert view.revokes(0, ids_of(numbered(3).hashed_id))
    assert view.revokes(0, ids_of(numbered(2).hashed_id))


def test_what_has_left_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiond_server.domain.packed_revocations.hash", lambda _: 5, raising=False)
    view = packed_view(Memory(), numbered(1, expire_ms=1), numbered(2), numbered(3))
    for _ in range(3):
        view.forget_expired(now_ms=1)
    assert view.revokes(0, ids_of(numbered(2).hashed_id))
    assert view.revokes(0, ids_of(numbered(3).hashed_id))
    assert len(view) == 2


def test_what_comes_while_the_expired_leave_is_known_behind_it() -> None:
    view = packed_view(Memory(), *(numbered(number, expire_ms=number // 1024 + 1) for number in range(2048)))
    assert not view.forget_expired(now_ms=1)
    view.apply(0, numbered(5000))
    view.pack()
    assert view.forget_expired(now_ms=1)
    assert view.revokes(0, ids_of(numbered(5000).hashed_id))


def test_a_later_cutoff_with_an_exception_replaces_one_that_is_packed() -> None:
    cutoff = replace(numbered(1), type=RevocationType.SUBJECT, not_before_ms=2000)
    view = RevocationView(partitions=1, space=Memory(), max_recent=1)
    view.apply(0, cutoff)
    view.apply(0, numbered(2))
    view.pack()
    view.apply(0, replace(cutoff, not_before_ms=3000, except_session=b"s" * 16))
    asked = ids_of(cutoff.hashed_id, started_ms=2500)
    assert view.revokes(0, asked)
    assert not view.revokes(0, replace(asked, session=b"s" * 16))


def test_expired_entries_leave_in_steps_and_their_room_is_used_again() -> None:
    space = Memory()
    view = packed_view(space, *(numbered(number, expire_ms=number % 2 + 1) for number in range(3000)))
    size = len(space.held)
    steps = 1
    while not view.forget_expired(now_ms=1):
        steps += 1
    assert steps == 3
    assert len(view) == 1500
    assert [view.revokes(0, ids_of(numbered(number).hashed_id)) for number in range(4)] == [False, True] * 2
    for number in range(5000, 6500):
        view.apply(0, numbered(number))
        view.pack()
    assert len(space.held) == size
    assert len(view) == 3000


def test_when_nothing_is_left_the_space_begins_anew() -> None:
    space = Memory()
    view = packed_view(space, numbered(1), numbered(2))
    assert view.forget_expired(now_ms=EXPIRY_MS)
    view.apply(0, numbered(3))
    space.held.clear()
    view.pack()
    assert view.revokes(0, ids_of(numbered(3).hashed_id))


def test_where_there_is_no_room_nothing_is_lost() -> None:
    space = Memory()
    view = packed_view(space, numbered(1))
    space.limit = 0
    view.apply(0, numbered(2))
    with pytest.raises(OSError, match="full"):
        view.pack()
    assert view.revokes(0, ids_of(numbered(1).hashed_id))
    assert view.revokes(0, ids_of(numbered(2).hashed_id))
    space.limit = 2**30
    view.pack()
    assert view.revokes(0, ids_of(numbered(2).hashed_id))
    assert len(view) == 2


def test_no_id_is_packed_twice() -> None:
    packed = PackedRevocations(Memory())
    for expire_ms in (1, 2, 3):
        packed.put(0, [numbered(1, expire_ms=expire_ms)])
    assert [found.expire_ms for found in packed.find_any(0, [numbered(1).hashed_id])] == [3]
    assert len(packed) == 1


class FullLog(RevocationLog):
    """One partition with more revocations than are held as objects, on one page."""

    @override
    def partitions(self) -> Iterable[int]:
        return (0,)

    @override
    def partition_of(self, placing_byte: int) -> int:
        return 0

    @override
    async def read(self, partition: int, after: Position | None) -> LogPage:
        entries = tuple(numbered(number) for number in range(RECENT_REVOCATIONS + 1))
        position = Position(NO_ID, 0, len(entries), "")
        return LogPage(
            entries,
            position,
            continues=True,
            reached_head=True,
            store_ms=0,
            run="run",
            is_noted=True,
            changed_ms=0,
        )

    @override
    async def note_change(self, partition: int, *, known_ms: int) -> bool:
        raise AssertionError

    @override
    async def trim(self, partition: int) -> bool:
        return False


def followed(space: Space, logger: RecordingLogger) -> Revocations:
    clock = FakeClock()
    return Revocations(
        FullLog(),
        max_staleness_seconds=1.0,
        clock=clock,
        checks=alone(clock),
        logger=logger,
        telemetry=RecordingTelemetry(),
        space=space,
    )


async def test_what_is_read_of_a_long_log_is_packed() -> None:
    space = Memory()
    revocations = followed(space, RecordingLogger())
    await revocations.catch_up(0)
    assert space.held
    assert len(revocations) == RECENT_REVOCATIONS + 1
    assert revocations.revokes(ids_of(numbered(0).hashed_id))
    assert revocations.revokes(ids_of(numbered(RECENT_REVOCATIONS).hashed_id))


async def test_a_disk_that_is_full_costs_memory_and_no_revocation() -> None:
    space, logger = Memory(), RecordingLogger()
    space.limit = 0
    revocations = followed(space, logger)
    for _ in range(2):
        await revocations.catch_up(0)
    assert revocations.revokes(ids_of(numbered(0).hashed_id))
    assert [event for _, event, _ in logger.lines if "room" in event] == [
        "there is no room for a file of revocations, they stay in memory"
    ]


async def test_where_what_is_packed_cannot_be_read_nothing_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = Memory()
    revocations = followed(space, RecordingLogger())
    await revocations.catch_up(0)

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(space, "read", broken)
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(ids_of(numbered(0).hashed_id))


def test_a_scratch_file_gives_back_what_was_written() -> None:
    with ScratchFile() as space:
        space.write(0, b"one")
        space.write(3, b"two")
        space.write(1, b"N")
        assert space.read(0, 6) == b"oNetwo"
        with pytest.raises(OSError, match="shorter"):
            space.read(4, 3)


def descriptors() -> set[str]:
    found = Path("/proc/self/fd")
    return {entry.name for entry in found.iterdir()} if found.is_dir() else set()


def test_a_scratch_file_is_opened_by_the_first_write_and_closed_with_its_use() -> None:
    before = descriptors()
    with ScratchFile() as space:
        with pytest.raises(OSError, match="nothing"):
            space.read(0, 1)
        assert descriptors() <= before
        space.write(0, b"x")
    assert descriptors() <= before


def test_a_scratch_file_writes_all_even_where_the_system_writes_less(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, octets, at: whole(descriptor, octets[:2], at))
    with ScratchFile() as space:
        space.write(0, b"three")
        assert space.read(0, 5) == b"three"


# What is in doubt: held here, and perhaps lost in the store.


def in_doubt(view: RevocationView, partition: int = 0) -> list[int]:
    """The numbers of what is in doubt, as whoever settles it page by page comes to know them."""
    found: list[int] = []
    while (page := view.doubted(partition, limit=7)) is not None:
        assert len(page) <= 7
        found += [int.from_bytes(one.hashed_id, "big") for one in page]
        view.settle(partition, [one.hashed_id for one in page])
    return sorted(found)


def of_two_partitions(numbers: range, *, max_recent: int) -> RevocationView:
    """The even ones are in partition 0, the odd ones in partition 1."""
    view = RevocationView(partitions=2, space=Memory(), max_recent=max_recent)
    for number in numbers:
        view.apply(number % 2, numbered(number))
        while view.pack():
            pass
    return view


@pytest.mark.parametrize("max_recent", [0, 40, 10_000])
def test_what_is_in_doubt_is_what_the_log_does_not_bring(max_recent: int) -> None:
    view = of_two_partitions(range(2999), max_recent=max_recent)
    view.doubt(0)
    assert view.is_in_doubt(0)
    assert not view.is_in_doubt(1)
    for number in range(0, 3000, 4):
        view.apply(0, numbered(number))
        while view.pack():
            pass
    # What comes meanwhile is in no doubt.
    view.apply(0, numbered(5000))
    while view.pack():
        pass
    assert in_doubt(view) == list(range(2, 3000, 4))
    assert not view.is_in_doubt(0)
    assert view.doubted(1, limit=1) is None


@pytest.mark.parametrize("max_recent", [0, 10_000])
def test_what_the_log_has_more_weakly_stays_in_doubt(max_recent: int) -> None:
    view = packed_view(Memory(), *(numbered(number, expire_ms=50) for number in range(3)))
    view._max_recent = max_recent
    view.doubt(0)
    view.apply(0, numbered(0, expire_ms=40))
    view.apply(0, numbered(1, expire_ms=60))
    while view.pack():
        pass
    page = view.doubted(0, limit=7)
    assert page is not None
    assert in_doubt(view) == [0, 2]
    assert {one.expire_ms for one in page} == {50}


def test_what_has_expired_meanwhile_is_in_no_doubt() -> None:
    view = of_two_partitions(range(100), max_recent=40)
    for number in range(100, 110, 2):
        view.apply(0, numbered(number, expire_ms=1))
    view.doubt(0)
    while not view.forget_expired(now_ms=1):
        pass
    assert in_doubt(view) == list(range(0, 100, 2))


def test_a_slot_that_is_taken_again_is_in_no_doubt() -> None:
    view = packed_view(Memory(), *(numbered(number, expire_ms=1) for number in range(8)), numbered(8))
    view.doubt(0)
    while not view.forget_expired(now_ms=1):
        pass
    view._max_recent = 0
    for number in range(20, 28):
        view.apply(0, numbered(number))
    while view.pack():
        pass
    assert in_doubt(view) == [8]


def test_some_ids_alone_can_be_in_doubt() -> None:
    view = of_two_partitions(range(100), max_recent=40)
    view.doubt(0, [numbered(number).hashed_id for number in (2, 98, 4000)])
    assert in_doubt(view) == [2, 98]


def test_a_doubt_begins_anew_with_everything() -> None:
    view = of_two_partitions(range(100), max_recent=40)
    for _ in range(2):
        view.doubt(0)
        view.apply(0, numbered(0))
    view.doubt(0)
    assert in_doubt(view) == list(range(0, 100, 2))


# What a snapshot brings.


def loaded(view: RevocationView, partition: int, *parts: bytes) -> None:
    loading = view.load(partition)
    assert loading
    for part in parts:
        loading.add(part)
    for _ in loading.finish():
        pass
    view.loaded(partition)


def packed(numbers: Iterable[int], *, expire_ms: int = EXPIRY_MS) -> bytes:
    return b"".join(numbered(number, expire_ms=expire_ms).pack() for number in numbers)


def known_of(view: RevocationView, partition: int, numbers: Iterable[int]) -> list[int]:
    return [number for number in numbers if view.revokes(partition, ids_of(numbered(number).hashed_id))]


def test_what_is_loaded_is_known_and_expires_as_if_it_had_been_read() -> None:
    view = RevocationView(partitions=2, space=Memory(), max_recent=0)
    view.apply(1, numbered(5000))
    view.pack()
    loaded(view, 0, packed(range(1500)), packed(range(1500, 3000), expire_ms=1))
    assert len(view) == 3001
    assert known_of(view, 0, range(3100)) == list(range(3000))
    assert known_of(view, 1, range(6000)) == [5000]
    while not view.forget_expired(now_ms=1):
        pass
    assert known_of(view, 0, range(3100)) == list(range(1500))
    assert known_of(view, 1, range(6000)) == [5000]
    view.apply(0, numbered(7, expire_ms=EXPIRY_MS + 1))
    view.pack()
    assert len(view) == 1501


def test_what_was_loaded_in_part_is_given_back() -> None:
    view = RevocationView(partitions=1, space=Memory(), max_recent=0)
    loading = view.load(0)
    assert loading
    loading.add(packed(range(100)))
    loading.abandon()
    assert len(view) == 0
    assert known_of(view, 0, range(100)) == []
    for number in range(200, 300):
        view.apply(0, numbered(number))
    while view.pack():
        pass
    assert len(view) == 100
    assert known_of(view, 0, range(400)) == list(range(200, 300))


def test_where_something_is_known_nothing_is_loaded() -> None:
    view = RevocationView(partitions=2, space=Memory())
    view.apply(0, numbered(1))
    view.advance(Position(NO_ID, 1, 1, ""))
    assert view.load(0) is None
    assert view.load(1) is None
    assert RevocationView(partitions=1).load(0) is None


def test_a_space_that_is_full_loads_nothing() -> None:
    space = Memory()
    space.limit = 10
    view = RevocationView(partitions=1, space=space)
    loading = view.load(0)
    assert loading
    with pytest.raises(OSError, match="full"):
        loading.add(packed(range(100)))
    loading.abandon()
    assert len(view) == 0


@pytest.mark.parametrize("max_recent", [0, 700, 10_000])
def test_everything_that_is_held_of_a_partition_is_in_one_piece(max_recent: int) -> None:
    view = of_two_partitions(range(3001), max_recent=max_recent)
    # What has changed since it was packed is there once, as it is now.
    view.apply(0, numbered(4, expire_ms=EXPIRY_MS + 1))
    entries = [
        Revocation.unpack(piece[at : at + 73])
        for piece in view.entries_of(0)
        for at in range(0, len(piece), 73)
    ]
    assert sorted(int.from_bytes(one.hashed_id, "big") for one in entries) == list(range(0, 3001, 2))
    assert max(one.expire_ms for one in entries) == EXPIRY_MS + 1


def test_what_is_packed_between_two_pieces_is_in_one_of_them() -> None:
    view = of_two_partitions(range(4000), max_recent=10_000)
    pieces = view.entries_of(0)
    first = next(pieces)
    view._max_recent = 0
    while view.pack():
        pass
    assert len(first) + sum(map(len, pieces)) == 73 * 2000


def test_what_is_packed_for_the_first_time_during_a_doubt_is_in_none() -> None:
    view = RevocationView(partitions=1, space=Memory(), max_recent=10_000)
    for number in range(4):
        view.apply(0, numbered(number))
    view.doubt(0)
    view._max_recent = 0
    for number in (10, 0, 10):
        view.apply(0, numbered(number))
        while view.pack():
            pass
    assert in_doubt(view) == [1, 2, 3]
