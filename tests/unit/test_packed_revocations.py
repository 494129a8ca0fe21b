"""Very many revocations: what is packed is known as well as what is not, in little memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.packed_revocations import PackedRevocations
from sessiond_server.domain.revocation import NO_ID, Position, Revocation, RevocationType
from sessiond_server.domain.space import Space
from sessiond_server.domain.view import RECENT_REVOCATIONS, RevocationView
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.revocations import LogPage, RevocationLog
from tests.support.examples import examples
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.packed import (
    EXPIRY_MS,
    Memory,
    ids_of,
    number_of,
    numbered,
    of_two_partitions,
)
from tests.support.revocations import alone


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


def alike(number: int) -> bytes:
    """Ids of which the index cannot tell one from another."""
    return number.to_bytes(16, "big")


def of_one_bucket(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes(12)


numbers = st.integers(0, 5)
times = st.integers(0, 5)
applied = st.builds(
    Revocation,
    type=st.just(RevocationType.SUBJECT),
    hashed_id=numbers.map(alike),
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
            asked = replace(ids_of(alike(number), started_ms=started), session=session)
            assert packing.revokes(0, asked) == plain.revokes(0, asked)


@pytest.mark.parametrize("of", [alike, of_one_bucket])
def test_of_ids_that_meet_in_the_index_each_is_itself(of: Callable[[int], bytes]) -> None:
    view = packed_view(Memory(), *(replace(numbered(1), hashed_id=of(number)) for number in (3, 0, 2, 1)))
    assert all(view.revokes(0, ids_of(of(number))) for number in range(4))
    assert not view.revokes(0, ids_of(of(4)))


@pytest.mark.parametrize("of", [alike, of_one_bucket])
def test_what_has_left_takes_nobody_with_it(of: Callable[[int], bytes]) -> None:
    entries = [replace(numbered(1, expire_ms=number % 2 + 1), hashed_id=of(number)) for number in range(5)]
    view = packed_view(Memory(), *entries)
    for _ in range(3):
        view.forget_expired(now_ms=1)
    assert [number for number in range(5) if view.revokes(0, ids_of(of(number)))] == [1, 3]
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
        packed.put([numbered(1, expire_ms=expire_ms)])
    assert [found.expire_ms for found in packed.find_any([numbered(1).hashed_id])] == [3]
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


def test_a_scratch_file_takes_no_room_for_what_was_never_written() -> None:
    with ScratchFile() as space:
        space.write(1 << 34, b"far")
        assert space.read(1 << 34, 3) == b"far"
        assert space._descriptor
        assert os.fstat(space._descriptor).st_blocks * 512 < 1 << 20


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
        found += [number_of(one.hashed_id) for one in page]
        view.settle(partition, [one.hashed_id for one in page])
    return sorted(found)


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
