"""Very many revocations in little memory: an index of eight bytes an entry, and the entries elsewhere."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Self

from sessiond_server.domain.packed_index import PackedIndex
from sessiond_server.domain.revocation import ENTRY, HASHED_ID, Revocation
from sessiond_server.domain.space import Region, Space

MAX_PARTITIONS: Final = 2**8
_MAX_SLOTS: Final = 2**28
# An index has from two to a hundred thousand buckets; where that is enough, some 64 entries are in each.
_FEWEST_BUCKET_BITS: Final = 11
_MOST_BUCKET_BITS: Final = 17
_ENTRIES_A_BUCKET: Final = 64
# For how many entries an index is made where nobody knows.
_EXPECTED: Final = 1_000_000
_ID_AND_EXPIRY: Final = struct.Struct(">x16s8xQ40x")
_BIT: Final = bytes(1 << n for n in range(8))
# How many entries one step of looking at all of them looks at: about a millisecond of work.
LOOKED_AT_A_STEP: Final = 1024
# Slots that are no farther from one another are read together.
_NEIGHBOURS: Final = 16


class PackedRevocations:
    """Revocations of one partition by their hashed id.

    An entry is read where the index names it, to see that it is the one.
    """

    def __init__(self, space: Space, *, expected: int = _EXPECTED, max_slots: int = _MAX_SLOTS) -> None:
        self._space = space
        bucket_bits = (expected // _ENTRIES_A_BUCKET).bit_length()
        self._index = PackedIndex(bucket_bits=min(max(bucket_bits, _FEWEST_BUCKET_BITS), _MOST_BUCKET_BITS))
        self._max_slots = max_slots
        self._free = array("I")
        self._slots = 0
        self._swept = 0
        # One bit for each slot that was in use when a doubt began.
        self._doubted = bytearray()

    @classmethod
    def of(cls, partition: int, space: Space, *, partitions: int, expected: int | None = None) -> Self:
        """What is packed of one of several partitions, each of which has its part of a space.

        `expected` is how many revocations there will be, about.
        """
        max_slots = _MAX_SLOTS // partitions
        region = Region(space, start=partition * max_slots * ENTRY.size)
        return cls(region, expected=expected or _EXPECTED // partitions, max_slots=max_slots)

    def __len__(self) -> int:
        """How many revocations are held."""
        return self._slots - len(self._free)

    def find_any(self, hashed_ids: Iterable[bytes]) -> Iterator[Revocation]:
        """The revocations of these ids."""
        for hashed_id, slots in self._index.candidates(hashed_ids):
            for entry in map(self._read, slots):
                if entry[HASHED_ID] == hashed_id:
                    yield Revocation.unpack(entry)

    def put(self, revocations: Sequence[Revocation]) -> None:
        """Take revocations in, each in the place of what was known of its id.

        Raises:
            OSError: the space is full or broken; what was known before is known still, and each of these may
                have been taken in or not.
        """
        known = [(one, self._slot_of(one.hashed_id)) for one in revocations]
        for one, slot in known:
            if slot is not None:
                self._space.write(slot * ENTRY.size, one.pack())
        self._add([one for one, slot in known if slot is None])

    def append(self, entries: bytes, leading: array[int]) -> None:
        """Take packed entries in; `leading` is what the index looks at of their ids.

        They are sorted by their ids, and all that was taken in before has smaller ones, or equal ones.

        Raises:
            OSError: there is no room.
        """
        first = self._slots
        self._require_slots(len(leading))
        self._space.write(first * ENTRY.size, entries)
        self._slots += len(leading)
        self._index.append(leading, first_slot=first)

    def in_order(self) -> Iterator[dict[bytes, bytes]]:
        """Everything, packed, by its id: a limited number at a time, of smaller ids before greater ones.

        Between two steps anything may change. What was held all the time is in one of them.
        """
        for slots in self._index.in_order(limit=LOOKED_AT_A_STEP):
            yield {entry[HASHED_ID]: entry for entry in self._entries_in(slots)}

    def doubt(self) -> None:
        """From now on everything that is held is in doubt, until it is settled."""
        self._doubted = bytearray(b"\xff" * ((self._slots + 7) // 8))

    def settle(self, hashed_id: bytes) -> None:
        """What is held of this id is in doubt no more."""
        slot = self._slot_of(hashed_id)
        if slot is not None:
            self._clear_doubt(slot)

    def end_doubt(self) -> None:
        """Nothing is in doubt any more."""
        self._doubted = bytearray()

    def doubted_from(self, first: int) -> tuple[list[Revocation], int | None]:
        """What is in doubt in a limited number of slots, and the slot to go on from; None at the end."""
        bits, found = self._doubted, []
        end = min(self._slots, 8 * len(bits))
        last = min(first + LOOKED_AT_A_STEP, end)
        if any(bits[first >> 3 : (last + 7) >> 3]):
            for slot in range(first, last):
                if bits[slot >> 3] & _BIT[slot & 7]:
                    one = Revocation.unpack(self._read(slot))
                    if self._index.has(one.hashed_id, slot):
                        found.append(one)
        return found, last if last < end else None

    def drop_expired(self, *, now_ms: int) -> bool:
        """Drop some of what expired before `now_ms`, a limited number; whether the end has been reached."""
        first = self._swept
        count = min(LOOKED_AT_A_STEP, self._slots - first)
        rows = self._space.read(first * ENTRY.size, count * ENTRY.size)
        # A slot that is free holds what was dropped from it before, which the index has no more.
        expired = [
            (hashed_id, slot)
            for slot, (hashed_id, expire_ms) in enumerate(_ID_AND_EXPIRY.iter_unpack(rows), first)
            if expire_ms <= now_ms
        ]
        self._free.extend(self._index.drop(expired))
        self._swept = first + count
        is_last = self._swept >= self._slots
        if is_last:
            self._swept = 0
            if not len(self):
                self._slots, self._free = 0, array("I")
        return is_last

    def _add(self, revocations: Sequence[Revocation]) -> None:
        """Take in what is new: into free slots first."""
        reused = self._free[max(0, len(self._free) - len(revocations)) :]
        fresh = revocations[len(reused) :]
        self._require_slots(len(fresh))
        for one, slot in zip(revocations, reused, strict=False):
            self._space.write(slot * ENTRY.size, one.pack())
        self._space.write(self._slots * ENTRY.size, b"".join(one.pack() for one in fresh))
        slots = [*reused, *range(self._slots, self._slots + len(fresh))]
        self._index.enter(zip((one.hashed_id for one in revocations), slots, strict=True))
        del self._free[len(self._free) - len(reused) :]
        self._slots += len(fresh)
        for slot in slots:
            self._clear_doubt(slot)

    def _require_slots(self, count: int) -> None:
        if self._slots + count > self._max_slots:
            raise OSError("there are more revocations than slots")

    def _slot_of(self, hashed_id: bytes) -> int | None:
        for _, slots in self._index.candidates((hashed_id,)):
            for slot in slots:
                if self._read(slot)[HASHED_ID] == hashed_id:
                    return slot
        return None

    def _clear_doubt(self, slot: int) -> None:
        if slot >> 3 < len(self._doubted):
            self._doubted[slot >> 3] &= ~_BIT[slot & 7]

    def _read(self, slot: int) -> bytes:
        return self._space.read(slot * ENTRY.size, ENTRY.size)

    def _entries_in(self, unsorted_slots: Iterable[int]) -> Iterator[bytes]:
        """What is in these slots; neighbours are read at once."""
        slots = sorted(unsorted_slots)
        gaps = (at for at, (one, other) in enumerate(pairwise(slots), 1) if other - one > _NEIGHBOURS)
        for first, last in pairwise([0, *gaps, len(slots)] if slots else []):
            start, count = slots[first], slots[last - 1] - slots[first] + 1
            rows = self._space.read(start * ENTRY.size, count * ENTRY.size)
            for slot in slots[first:last]:
                at = (slot - start) * ENTRY.size
                yield rows[at : at + ENTRY.size]
