"""What a snapshot brings, and what one consists of: everything that is known, in the order of the ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.packed_loading import PackedLoading
from sessiond_server.domain.packed_revocations import LOOKED_AT_A_STEP, PackedRevocations
from sessiond_server.domain.revocation import ENTRY, HASHED_ID, NO_ID, Position, Revocation
from sessiond_server.domain.view import RevocationView
from tests.support.packed import (
    EXPIRY_MS,
    Memory,
    hashed,
    ids_of,
    known_of,
    number_of,
    numbered,
    of_two_partitions,
)

# A key of the index is told from the next one by a difference of so many bytes at the end.
SAME_KEY = 8


def begun(view: RevocationView, partition: int) -> PackedLoading:
    loading = view.load(partition, expected=1000)
    assert loading
    return loading


def loaded(view: RevocationView, partition: int, *parts: bytes) -> None:
    loading = begun(view, partition)
    for part in parts:
        loading.add(part)
    view.loaded(partition)


def part_of(entries: Iterable[Revocation]) -> bytes:
    return b"".join(one.pack() for one in sorted(entries, key=lambda one: one.hashed_id))


def parts_of(entries: Iterable[Revocation], *, number: int) -> list[bytes]:
    """So many parts, of which all are full but the last."""
    whole = part_of(entries)
    size = -(-len(whole) // ENTRY.size // number) * ENTRY.size
    return [whole[first : first + size] for first in range(0, len(whole), size)]


def packed(numbers: Iterable[int]) -> bytes:
    return part_of(map(numbered, numbers))


def entries_in(pieces: Iterable[bytes]) -> list[bytes]:
    return [piece[at : at + ENTRY.size] for piece in pieces for at in range(0, len(piece), ENTRY.size)]


def numbers_in(entries: Iterable[bytes]) -> list[int]:
    return sorted(number_of(entry[HASHED_ID]) for entry in entries)


def are_ordered(entries: Iterable[bytes]) -> bool:
    return all(one[HASHED_ID] < other[HASHED_ID] for one, other in pairwise(entries))


def test_what_is_loaded_is_known_and_expires_as_if_it_had_been_read() -> None:
    view = RevocationView(partitions=2, space=Memory(), max_recent=0)
    view.apply(1, numbered(5000))
    view.pack()
    entries = [numbered(number, expire_ms=1 if number >= 1500 else EXPIRY_MS) for number in range(3000)]
    loaded(view, 0, *parts_of(entries, number=3))
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


def test_snapshots_of_several_partitions_are_loaded_side_by_side() -> None:
    view = RevocationView(partitions=3, space=Memory())
    loading = {partition: begun(view, partition) for partition in range(3)}
    for part in range(2):
        for partition, one in loading.items():
            first = 1000 * partition
            one.add(parts_of(map(numbered, range(first, first + 1000)), number=2)[part])
    for partition in loading:
        view.loaded(partition)
    for partition in loading:
        known = known_of(view, partition, range(3000))
        assert known == list(range(1000 * partition, 1000 * partition + 1000))


def test_what_was_loaded_in_part_is_given_back() -> None:
    view = RevocationView(partitions=1, space=Memory(), max_recent=0)
    begun(view, 0).add(packed(range(100)))
    assert known_of(view, 0, range(100)) == []
    view.abandon(0)
    assert len(view) == 0
    for number in range(200, 300):
        view.apply(0, numbered(number))
    while view.pack():
        pass
    assert len(view) == 100
    assert not view.lacks_room
    assert known_of(view, 0, range(400)) == list(range(200, 300))


def test_what_comes_while_a_snapshot_is_loaded_is_packed_behind_it() -> None:
    view = RevocationView(partitions=2, space=Memory(), max_recent=10)
    loading = begun(view, 0)
    for number in range(200, 300):
        view.apply(0, numbered(number))
        view.apply(1, numbered(number))
        while view.pack():
            pass
    loading.add(packed(range(100)))
    assert known_of(view, 0, range(400)) == list(range(200, 300))
    view.loaded(0)
    while view.pack():
        pass
    assert known_of(view, 0, range(400)) == [*range(100), *range(200, 300)]
    assert known_of(view, 1, range(400)) == list(range(200, 300))


@pytest.mark.parametrize("max_recent", [0, 10_000])
def test_where_something_is_known_nothing_is_loaded(max_recent: int) -> None:
    view = RevocationView(partitions=2, space=Memory(), max_recent=max_recent)
    view.apply(0, numbered(1))
    view.pack()
    view.advance(Position(NO_ID, 1, 1, ""))
    assert view.load(0, expected=1) is None
    assert view.load(1, expected=1) is None
    assert RevocationView(partitions=1).load(0, expected=1) is None


def test_a_space_that_is_full_loads_nothing() -> None:
    space = Memory()
    space.limit = 10
    view = RevocationView(partitions=1, space=space)
    with pytest.raises(OSError, match="full"):
        begun(view, 0).add(packed(range(100)))
    view.abandon(0)
    assert len(view) == 0


def test_a_snapshot_may_have_no_more_entries_than_there_are_slots() -> None:
    loading = PackedLoading(PackedRevocations(Memory(), max_slots=150))
    whole = packed(range(200))
    loading.add(whole[: 100 * ENTRY.size])
    with pytest.raises(OSError, match="slots"):
        loading.add(whole[100 * ENTRY.size :])


# The order of the ids.


def test_a_part_that_is_not_sorted_is_refused() -> None:
    sorted_entries = entries_in([packed(range(5))])
    loading = begun(RevocationView(partitions=1, space=Memory()), 0)
    with pytest.raises(ValueError, match="order"):
        loading.add(b"".join([*sorted_entries[:2], sorted_entries[3], sorted_entries[2], sorted_entries[4]]))


def test_parts_that_are_not_in_their_order_are_refused() -> None:
    first, second = parts_of(map(numbered, range(100)), number=2)
    loading = begun(RevocationView(partitions=1, space=Memory()), 0)
    loading.add(second)
    with pytest.raises(ValueError, match="order"):
        loading.add(first)


def test_ids_that_nearly_are_the_same_are_loaded_from_one_part_or_two() -> None:
    """Whoever has two such things revoked cannot keep snapshots from being of use."""
    alike = [replace(numbered(1), hashed_id=b"a" * SAME_KEY + bytes(7) + bytes([last])) for last in range(6)]
    view = RevocationView(partitions=1, space=Memory())
    loaded(view, 0, *parts_of(alike, number=2))
    for one in alike:
        assert view.revokes(0, ids_of(one.hashed_id))
    assert not view.revokes(0, ids_of(b"a" * SAME_KEY + bytes(7) + b"\x06"))


leading = st.sampled_from([0, 1, 2**16, 2**17, 2**40, 2**46, 2**47, 2**60, 2**63, 2**64 - 2, 2**64 - 1])
known_ids = st.sets(st.builds(lambda high, low: high << 64 | low, leading, st.integers(0, 3)), min_size=1)


@given(known_ids, st.integers(1, 4), st.sampled_from([1, 10**6]))
def test_whatever_the_ids_are_all_that_is_loaded_is_found_and_given_in_order(
    numbers: set[int], parts: int, expected: int
) -> None:
    entries = [replace(numbered(1), hashed_id=number.to_bytes(16, "big")) for number in numbers]
    view = RevocationView(partitions=1, space=Memory())
    loading = view.load(0, expected=expected)
    assert loading
    for part in parts_of(entries, number=parts):
        loading.add(part)
    view.loaded(0)
    assert all(view.revokes(0, ids_of(one.hashed_id)) for one in entries)
    assert not view.revokes(0, ids_of(b"\x55" * 16))
    assert b"".join(view.entries_of(0)) == part_of(entries)


# What a snapshot consists of.


@pytest.mark.parametrize("max_recent", [0, 700, 10_000])
def test_everything_that_is_held_of_a_partition_is_in_one_piece(max_recent: int) -> None:
    view = of_two_partitions(range(3001), max_recent=max_recent)
    # What has changed since it was packed is there once, as it is now.
    view.apply(0, numbered(4, expire_ms=EXPIRY_MS + 1))
    entries = entries_in(view.entries_of(0))
    assert numbers_in(entries) == list(range(0, 3001, 2))
    assert are_ordered(entries)
    assert [Revocation.unpack(one).expire_ms for one in entries if number_of(one[HASHED_ID]) == 4] == [
        EXPIRY_MS + 1
    ]


@pytest.mark.parametrize("max_recent", [0, 700, 10_000])
def test_no_piece_is_long(max_recent: int) -> None:
    view = of_two_partitions(range(6000), max_recent=max_recent)
    assert max(map(len, view.entries_of(0))) <= LOOKED_AT_A_STEP * ENTRY.size


def one_bucket_of(numbers: Iterable[int]) -> Iterator[Revocation]:
    """Revocations that somebody has tried out, so that the index has them in one place."""
    return (replace(numbered(1), hashed_id=b"abc" + hashed(number)[3:]) for number in numbers)


def test_no_piece_is_long_where_ids_meet_in_one_bucket() -> None:
    view = RevocationView(partitions=1, space=Memory())
    loaded(view, 0, part_of(one_bucket_of(range(6000))))
    pieces = list(view.entries_of(0))
    assert max(map(len, pieces)) <= LOOKED_AT_A_STEP * ENTRY.size
    assert b"".join(pieces) == part_of(one_bucket_of(range(6000)))


def test_what_is_packed_between_two_pieces_is_in_one_of_them() -> None:
    view = of_two_partitions(range(4000), max_recent=10_000)
    pieces = view.entries_of(0)
    first = next(pieces)
    view._max_recent = 0
    while view.pack():
        pass
    assert len(first) + sum(map(len, pieces)) == ENTRY.size * 2000


@pytest.mark.parametrize("max_recent", [0, 300])
def test_what_is_held_all_the_time_is_there_whatever_changes_between_two_pieces(max_recent: int) -> None:
    """Entries come, change, are packed, expire and leave room for others at every step."""
    view = RevocationView(partitions=1, space=Memory(), max_recent=max_recent)
    for number in range(6000):
        view.apply(0, numbered(number, expire_ms=1 if number % 3 == 0 else EXPIRY_MS))
        while view.pack():
            pass
    entries: list[bytes] = []
    for step, piece in enumerate(view.entries_of(0)):
        entries += entries_in([piece])
        for number in range(200):
            view.apply(0, numbered(10_000 + 200 * step + number))
        view.apply(0, numbered(3 * step + 1, expire_ms=EXPIRY_MS + 1))
        view.forget_expired(now_ms=1)
        while view.pack():
            pass
    assert {number for number in range(6000) if number % 3} <= set(numbers_in(entries))
    assert are_ordered(entries)


def test_a_snapshot_of_what_was_loaded_is_the_same() -> None:
    view = RevocationView(partitions=1, space=Memory())
    loaded(view, 0, *parts_of(map(numbered, range(5000)), number=4))
    assert b"".join(view.entries_of(0)) == packed(range(5000))


def test_what_came_since_is_in_its_place() -> None:
    view = RevocationView(partitions=1, space=Memory(), max_recent=0)
    loaded(view, 0, packed(range(3000)))
    for number in range(3000, 3500):
        view.apply(0, numbered(number))
    while view.pack():
        pass
    for number in range(3500, 4000):
        view.apply(0, numbered(number))
    assert b"".join(view.entries_of(0)) == packed(range(4000))
