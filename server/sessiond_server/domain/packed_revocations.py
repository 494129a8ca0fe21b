"""Very many revocations in little memory: an index of eight bytes an entry, and the entries elsewhere."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Protocol

from sessiond_server.domain.revocation import ENTRY, Revocation

_BUCKETS: Final = 2**15
_BUCKET_BITS: Final = _BUCKETS - 1
# A key of the index is 28 bits of the hash, the partition, and the slot.
MAX_PARTITIONS: Final = 2**8
_SLOT_BITS: Final = 28
_MAX_ENTRIES: Final = 2**_SLOT_BITS
_LAST_SLOT: Final = _MAX_ENTRIES - 1
_HASH_BITS: Final = 0xFFFFFFF0_00000000
_ID_AND_EXPIRY: Final = struct.Struct(">x16s8xQ40x")
# The hashed id of an entry, which stands behind its type.
_IDS: Final = "x16s56x"
_FILTER_BYTES: Final = 2**22
_FILTER_BITS: Final = _FILTER_BYTES - 1
_BIT: Final = bytes(1 << n for n in range(8))
# How many entries one step of looking at all of them looks at: less than a millisecond of work.
LOOKED_AT_A_STEP: Final = 1024


class Space(Protocol):
    """Where packed entries lie, one behind the other; both methods raise `OSError`.

    What was read is what was last written there: nobody else has access to it.
    """

    def write(self, at: int, packed: bytes) -> None:
        """Put bytes at an offset, of which everything before was written earlier."""

    def read(self, at: int, size: int) -> bytes:
        """The bytes at an offset."""


class PackedRevocations:
    """Revocations by their partition and hashed id.

    The index has 32,768 buckets, each a sorted array of whole numbers of 64 bits: 28 bits of a hash of the
    id, the partition, and the number of the entry's slot. Python's own hash is keyed afresh in every process,
    so that nobody can choose ids that meet in a bucket. An entry is read where the index names it, to see
    that it is the one. Most ids that are asked for are of no revocation, and a filter of one bit for each
    hash tells that first.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._buckets: tuple[array[int], ...] = tuple(array("Q") for _ in range(_BUCKETS))
        self._filter = bytearray(_FILTER_BYTES)
        # What the filter will be when all that has expired is dropped.
        self._next_filter = bytearray(_FILTER_BYTES)
        self._free = array("I")
        self._slots = 0
        self._swept = 0
        # One bit for each slot that was in use when the doubt of a partition began.
        self._doubted: dict[int, bytearray] = {}

    def __len__(self) -> int:
        """How many revocations are held."""
        return self._slots - len(self._free)

    def find_any(self, partition: int, hashed_ids: Iterable[bytes]) -> Iterator[Revocation]:
        """The revocations of these ids in `partition`."""
        held = self._filter
        for hashed_id in hashed_ids:
            hashed = hash(hashed_id)
            if held[hashed >> 3 & _FILTER_BITS] & _BIT[hashed & 7]:
                slot = self._slot_of(partition, hashed_id)
                if slot is not None:
                    yield Revocation.unpack(self._read(slot))

    def put(self, partition: int, revocations: Sequence[Revocation]) -> None:
        """Take revocations of `partition` in, each in the place of what was known of its id.

        Raises:
            OSError: the space is full or broken; what was known before is known still, and each of these may
                have been taken in or not.
        """
        known = [(one, self._slot_of(partition, one.hashed_id)) for one in revocations]
        for one, slot in known:
            if slot is not None:
                self._space.write(slot * ENTRY.size, one.pack())
        self._add(partition, [one for one, slot in known if slot is None])

    def new_stage(self) -> tuple[array[int], ...]:
        """Where keys are gathered that are to be entered together, by their buckets."""
        return tuple(array("Q") for _ in range(_BUCKETS))

    def stage(self, partition: int, entries: bytes, staged: Sequence[array[int]]) -> range:
        """Write packed entries behind all others, and gather their keys; the slots that they take.

        Raises:
            OSError: there is no room; what was gathered before stays.
        """
        count = len(entries) // ENTRY.size
        if self._slots + count > _MAX_ENTRIES:
            raise OSError("there are more revocations than slots")
        self._space.write(self._slots * ENTRY.size, entries)
        first, held = partition << _SLOT_BITS | self._slots, self._filter
        self._slots += count
        ids = struct.unpack(_IDS * count, entries)
        for place, hashed in enumerate(map(hash, ids), first):
            staged[hashed & _BUCKET_BITS].append(hashed << 16 & _HASH_BITS | place)
            held[hashed >> 3 & _FILTER_BITS] |= _BIT[hashed & 7]
        return range(self._slots - count, self._slots)

    def give_back(self, slots: Iterable[int]) -> None:
        """Slots whose keys were gathered, and are not entered."""
        self._free.extend(slots)

    def enter_staged(self, staged: Sequence[array[int]], first: int, last: int) -> None:
        """Enter what was gathered for these buckets."""
        for bucket, keys in zip(self._buckets[first:last], staged[first:last], strict=True):
            keys.extend(bucket)
            bucket[:] = array("Q", sorted(keys))
            # It gives its memory back.
            del keys[:]

    def entries_of(self, partition: int, *, without: Container[bytes]) -> Iterator[bytes]:
        """What is held of `partition`, packed, in pieces of a limited number; ids of `without` are left out.

        Between two pieces anything may change. What was held all the time is in one of them.
        """
        for first in range(0, self._slots, LOOKED_AT_A_STEP):
            count = min(LOOKED_AT_A_STEP, self._slots - first)
            rows = self._space.read(first * ENTRY.size, count * ENTRY.size)
            held = (
                rows[at * ENTRY.size : (at + 1) * ENTRY.size]
                for at, hashed_id in enumerate(struct.unpack(_IDS * count, rows))
                if hashed_id not in without
                and self._place_of_slot(hashed_id, first + at, partition) is not None
            )
            yield b"".join(held)

    def doubt(self, partition: int) -> None:
        """From now on everything of `partition` that is held is in doubt, until it is settled."""
        self._doubted[partition] = bytearray(b"\xff" * ((self._slots + 7) // 8))

    def settle(self, partition: int, hashed_id: bytes) -> None:
        """What is held of this id is in doubt no more."""
        slot = self._slot_of(partition, hashed_id)
        if slot is not None:
            _clear(self._doubted[partition], slot)

    def end_doubt(self, partition: int) -> None:
        """Nothing of `partition` is in doubt any more."""
        self._doubted.pop(partition, None)

    def doubted_from(self, partition: int, first: int) -> tuple[list[Revocation], int | None]:
        """What is in doubt in a limited number of slots, and the slot to go on from; None at the end."""
        bits, found = self._doubted.get(partition, bytearray()), []
        last = min(first + LOOKED_AT_A_STEP, self._slots, 8 * len(bits))
        if any(bits[first >> 3 : (last + 7) >> 3]):
            for slot in range(first, last):
                if bits[slot >> 3] & _BIT[slot & 7]:
                    one = Revocation.unpack(self._read(slot))
                    if self._place_of_slot(one.hashed_id, slot, partition) is not None:
                        found.append(one)
        return found, last if last < min(self._slots, 8 * len(bits)) else None

    def drop_expired(self, *, now_ms: int) -> bool:
        """Drop some of what expired before `now_ms`, a limited number; whether the end has been reached."""
        first = self._swept
        count = min(LOOKED_AT_A_STEP, self._slots - first)
        is_last = first + count >= self._slots
        for slot, (hashed_id, expire_ms) in enumerate(self._ids_from(first, count), first):
            if expire_ms <= now_ms:
                self._drop(hashed_id, slot)
            else:
                _mark(self._next_filter, hashed_id)
        self._swept = first + count
        if is_last:
            self._end_sweep()
        return is_last

    def _end_sweep(self) -> None:
        self._swept = 0
        self._filter, self._next_filter = self._next_filter, bytearray(_FILTER_BYTES)
        if not len(self):
            self._slots, self._free = 0, array("I")

    def _add(self, partition: int, revocations: Sequence[Revocation]) -> None:
        reused = min(len(self._free), len(revocations))
        if self._slots + len(revocations) - reused > _MAX_ENTRIES:
            raise OSError("there are more revocations than slots")
        for one in revocations[:reused]:
            slot = self._free[-1]
            self._space.write(slot * ENTRY.size, one.pack())
            self._free.pop()
            for doubted in self._doubted.values():
                _clear(doubted, slot)
            self._enter(partition, one.hashed_id, slot)
        fresh = revocations[reused:]
        self._space.write(self._slots * ENTRY.size, b"".join(one.pack() for one in fresh))
        for one in fresh:
            for doubted in self._doubted.values():
                _clear(doubted, self._slots)
            self._enter(partition, one.hashed_id, self._slots)
            self._slots += 1

    def _enter(self, partition: int, hashed_id: bytes, slot: int) -> None:
        bucket, lowest = self._place(partition, hashed_id)
        bucket.insert(bisect_left(bucket, lowest | slot), lowest | slot)
        _mark(self._filter, hashed_id)
        _mark(self._next_filter, hashed_id)

    def _drop(self, hashed_id: bytes, slot: int) -> None:
        at = self._place_of_slot(hashed_id, slot)
        # A slot that is free already holds what was dropped from it before.
        if at is not None:
            del self._place(0, hashed_id)[0][at]
            self._free.append(slot)

    def _place_of_slot(self, hashed_id: bytes, slot: int, partition: int | None = None) -> int | None:
        """Where in its bucket the key of a slot stands, of any partition or of this one; None for none."""
        bucket, lowest = self._place(0, hashed_id)
        for at in range(bisect_left(bucket, lowest), len(bucket)):
            rest = bucket[at] - lowest
            if rest >= MAX_PARTITIONS << _SLOT_BITS:
                return None
            if rest & _LAST_SLOT == slot and partition in (None, rest >> _SLOT_BITS):
                return at
        return None

    def _slot_of(self, partition: int, hashed_id: bytes) -> int | None:
        bucket, lowest = self._place(partition, hashed_id)
        for at in range(bisect_left(bucket, lowest), len(bucket)):
            slot = bucket[at] - lowest
            if slot >= _MAX_ENTRIES:
                return None
            if self._read(slot)[1:17] == hashed_id:
                return slot
        return None

    def _place(self, partition: int, hashed_id: bytes) -> tuple[array[int], int]:
        """The bucket of an id, and what its key is in it but for the number of the slot."""
        hashed = hash(hashed_id)
        lowest = hashed << 16 & _HASH_BITS | partition << _SLOT_BITS
        return self._buckets[hashed & _BUCKET_BITS], lowest

    def _read(self, slot: int) -> bytes:
        return self._space.read(slot * ENTRY.size, ENTRY.size)

    def _ids_from(self, first: int, count: int) -> Iterator[tuple[bytes, int]]:
        return _ID_AND_EXPIRY.iter_unpack(self._space.read(first * ENTRY.size, count * ENTRY.size))


def _mark(filter_: bytearray, hashed_id: bytes) -> None:
    hashed = hash(hashed_id)
    filter_[hashed >> 3 & _FILTER_BITS] |= _BIT[hashed & 7]


def _clear(bits: bytearray, slot: int) -> None:
    if slot >> 3 < len(bits):
        bits[slot >> 3] &= ~_BIT[slot & 7]
