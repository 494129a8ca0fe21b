"""Very many revocations in little memory: an index of eight bytes an entry, and the entries elsewhere."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from sessiond_server.domain.revocation import ENTRY, Revocation

_BUCKETS: Final = 2**15
_BUCKET_BITS: Final = _BUCKETS - 1
_MAX_ENTRIES: Final = 2**32
_HASH_BITS: Final = 0xFFFFFFFF_00000000
_ID_AND_EXPIRY: Final = struct.Struct(">x16s8xQ40x")
_FILTER_BYTES: Final = 2**22
_FILTER_BITS: Final = _FILTER_BYTES - 1
_BIT: Final = bytes(1 << n for n in range(8))
# How many entries one step of dropping looks at: less than a millisecond of work.
_LOOKED_AT_A_STEP: Final = 1024


class Space(Protocol):
    """Where packed entries lie, one behind the other; both methods raise `OSError`.

    What was read is what was last written there: nobody else has access to it.
    """

    def write(self, at: int, packed: bytes) -> None:
        """Put bytes at an offset, of which everything before was written earlier."""

    def read(self, at: int, size: int) -> bytes:
        """The bytes at an offset."""


class PackedRevocations:
    """Revocations by their hashed id.

    The index has 32,768 buckets, each a sorted array of whole numbers of 64 bits: 32 bits of a hash of the id
    and the number of the entry's slot. Python's own hash is keyed afresh in every process, so that nobody can
    choose ids that meet in a bucket. An entry is read where the index names it, to see that it is the one.
    Most ids that are asked for are of no revocation, and a filter of one bit for each hash tells that first.
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

    def __len__(self) -> int:
        """How many revocations are held."""
        return self._slots - len(self._free)

    def find_any(self, hashed_ids: Iterable[bytes]) -> Iterator[Revocation]:
        """The revocations of these ids."""
        held = self._filter
        for hashed_id in hashed_ids:
            hashed = hash(hashed_id)
            if held[hashed >> 3 & _FILTER_BITS] & _BIT[hashed & 7]:
                slot = self._slot_of(hashed_id)
                if slot is not None:
                    yield Revocation.unpack(self._read(slot))

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

    def drop_expired(self, *, now_ms: int) -> bool:
        """Drop some of what expired before `now_ms`, a limited number; whether the end has been reached."""
        first = self._swept
        count = min(_LOOKED_AT_A_STEP, self._slots - first)
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

    def _add(self, revocations: Sequence[Revocation]) -> None:
        reused = min(len(self._free), len(revocations))
        if self._slots + len(revocations) - reused > _MAX_ENTRIES:
            raise OSError("there are more revocations than slots")
        for one in revocations[:reused]:
            slot = self._free[-1]
            self._space.write(slot * ENTRY.size, one.pack())
            self._free.pop()
            self._enter(one.hashed_id, slot)
        fresh = revocations[reused:]
        self._space.write(self._slots * ENTRY.size, b"".join(one.pack() for one in fresh))
        for one in fresh:
            self._enter(one.hashed_id, self._slots)
            self._slots += 1

    def _enter(self, hashed_id: bytes, slot: int) -> None:
        bucket, lowest = self._place(hashed_id)
        bucket.insert(bisect_left(bucket, lowest | slot), lowest | slot)
        _mark(self._filter, hashed_id)
        _mark(self._next_filter, hashed_id)

    def _drop(self, hashed_id: bytes, slot: int) -> None:
        bucket, lowest = self._place(hashed_id)
        at = bisect_left(bucket, lowest | slot)
        # A slot that is free already holds what was dropped from it before.
        if at < len(bucket) and bucket[at] == lowest | slot:
            del bucket[at]
            self._free.append(slot)

    def _slot_of(self, hashed_id: bytes) -> int | None:
        bucket, lowest = self._place(hashed_id)
        for at in range(bisect_left(bucket, lowest), len(bucket)):
            slot = bucket[at] - lowest
            if slot >= _MAX_ENTRIES:
                return None
            if self._read(slot)[1:17] == hashed_id:
                return slot
        return None

    def _place(self, hashed_id: bytes) -> tuple[array[int], int]:
        """The bucket of an id, and what its key is in it but for the number of the slot."""
        hashed = hash(hashed_id)
        return self._buckets[hashed & _BUCKET_BITS], hashed << 16 & _HASH_BITS

    def _read(self, slot: int) -> bytes:
        return self._space.read(slot * ENTRY.size, ENTRY.size)

    def _ids_from(self, first: int, count: int) -> Iterator[tuple[bytes, int]]:
        return _ID_AND_EXPIRY.iter_unpack(self._space.read(first * ENTRY.size, count * ENTRY.size))


def _mark(filter_: bytearray, hashed_id: bytes) -> None:
    hashed = hash(hashed_id)
    filter_[hashed >> 3 & _FILTER_BITS] |= _BIT[hashed & 7]
