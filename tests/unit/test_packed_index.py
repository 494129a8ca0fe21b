"""The index of what is packed: it answers as a list of ids and slots would."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.packed_index import PackedIndex

BUCKET_BITS = 3
# Of few buckets and keys, so that they meet.
ids = st.builds(
    lambda bucket, key, rest: (bucket << 61 | key << 31 | rest).to_bytes(8, "big") + bytes(8),
    st.sampled_from([0, 1, 7]),
    st.sampled_from([0, 1, 2**30 - 1]),
    st.integers(0, 1),
)
steps = st.lists(st.lists(ids, max_size=6) | st.integers(0, 5), max_size=12)


def look_of(hashed_id: bytes) -> int:
    """What the index sees of an id."""
    return int.from_bytes(hashed_id[:8], "big") >> 61 - 30


def slots_of(index: PackedIndex, hashed_id: bytes) -> set[int]:
    return {slot for _, slots in index.candidates((hashed_id,)) for slot in slots}


@given(st.lists(ids, max_size=20), steps, st.integers(1, 4))
def test_it_has_what_was_entered_and_not_dropped(
    first: list[bytes], steps: list[list[bytes] | int], limit: int
) -> None:
    index = PackedIndex(bucket_bits=BUCKET_BITS)
    first.sort()
    half = len(first) // 2
    for start, some in ((0, first[:half]), (half, first[half:])):
        index.append(array("Q", [int.from_bytes(one[:8], "big") for one in some]), first_slot=start)
    held = list(enumerate(first))
    following = len(first)
    for step in steps:
        if isinstance(step, list):
            entered = list(enumerate(step, following))
            following += len(step)
            index.enter((one, slot) for slot, one in entered)
            held += entered
        else:
            dropped, held = held[:step], held[step:]
            assert set(index.drop((one, slot) for slot, one in dropped)) == {slot for slot, _ in dropped}
            assert index.drop((one, slot) for slot, one in dropped) == []
            assert not any(index.has(one, slot) for slot, one in dropped)
    for slot, one in held:
        assert index.has(one, slot)
        assert slots_of(index, one) == {at for at, other in held if look_of(other) == look_of(one)}
    by_slot = dict(held)
    lists = [list(some) for some in index.in_order(limit=limit)]
    looks = [look_of(by_slot[slot]) for some in lists for slot in some]
    assert sorted(slot for some in lists for slot in some) == sorted(by_slot)
    assert looks == sorted(looks)
    # Those that look the same are in one list.
    ends = [look_of(by_slot[some[-1]]) for some in lists if some]
    assert len(set(ends)) == len(ends)
    assert max((len({look_of(by_slot[slot]) for slot in some}) for some in lists), default=0) <= limit
