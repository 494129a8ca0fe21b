"""In which slot an entry is, by its hashed id: eight bytes an entry."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

# Of an id these many leading bytes are looked at, as one whole number.
LEADING_BYTES: Final = 8
_LEADING_BITS: Final = 8 * LEADING_BYTES
_LEADING: Final = struct.Struct(">Q8x")
# A key is the bits of an id that follow those of the bucket: Python is fastest with numbers of 30 bits.
_KEY_BITS: Final = 30
_LAST_KEY: Final = 2**_KEY_BITS - 1
_SLOT_BITS: Final = 32
_LAST_SLOT: Final = 2**_SLOT_BITS - 1
# Buckets that are empty share this array: none is ever changed, they are replaced.
_EMPTY: Final = array("I")
_BUCKETS_A_STEP: Final = 1024
# The low half of a number of 64 bits, of its halves.
_LOW_HALF: Final = 0 if sys.byteorder == "little" else 1


class PackedIndex:
    """Slots in the order of the ids of their entries.

    The leading bits of an id choose a bucket: a sorted array of keys, and behind it as many slots. Ids are
    hashes, so that buckets are about as large as one another. Whoever tries out what to have revoked until
    the ids meet in one bucket makes that larger: it is searched by halves, and changed once for all that is
    entered together. Ids that share their key too cost a read each, and 2**41 attempts or more.
    """

    def __init__(self, *, bucket_bits: int) -> None:
        self._bucket_shift = _LEADING_BITS - bucket_bits
        self._key_shift = self._bucket_shift - _KEY_BITS
        self._buckets = [_EMPTY] * 2**bucket_bits

    def candidates(self, hashed_ids: Iterable[bytes]) -> Iterator[tuple[bytes, Sequence[int]]]:
        """Of these ids those of which there may be entries, and the slots of these: hardly any others."""
        buckets, bucket_shift, key_shift = self._buckets, self._bucket_shift, self._key_shift
        for hashed_id in hashed_ids:
            (leading,) = _LEADING.unpack(hashed_id)
            bucket, key = buckets[leading >> bucket_shift], leading >> key_shift & _LAST_KEY
            half = len(bucket) >> 1
            first = bisect_left(bucket, key, 0, half)
            if first < half and bucket[first] == key:
                last = bisect_right(bucket, key, first, half)
                yield hashed_id, bucket[half + first : half + last]

    def has(self, hashed_id: bytes, slot: int) -> bool:
        """Whether an entry that may be of this id is in `slot`."""
        return any(slot in slots for _, slots in self.candidates((hashed_id,)))

    def enter(self, entries: Iterable[tuple[bytes, int]]) -> None:
        """Enter ids and their slots."""
        for number, entered in self._by_bucket(entries):
            bucket, at = self._buckets[number], 0
            half, keys, slots = len(bucket) >> 1, array("I"), array("I")
            for key, slot in entered:
                to = bisect_left(bucket, key, at, half)
                keys += bucket[at:to]
                slots += bucket[half + at : half + to]
                keys.append(key)
                slots.append(slot)
                at = to
            self._buckets[number] = keys + bucket[at:half] + slots + bucket[half + at :]

    def drop(self, entries: Iterable[tuple[bytes, int]]) -> list[int]:
        """Drop ids and their slots where they have been entered; which slots these are."""
        found: list[int] = []
        for number, dropped in self._by_bucket(entries):
            bucket, kept = self._buckets[number], array("I")
            places = [place for key, slot in dropped for place in _places(bucket, key, slot)]
            half, at = len(bucket) >> 1, 0
            found += [bucket[half + place] for place in places]
            places.sort()
            for place in [*places, *(half + place for place in places)]:
                kept += bucket[at:place]
                at = place + 1
            self._buckets[number] = kept + bucket[at:]
        return found

    def append(self, leading: array[int], *, first_slot: int) -> None:
        """Enter ids, by their `leading` bytes, that are in slots one behind the other.

        They are sorted, and none is less than any that was entered before.
        """
        count, at = len(leading), 0
        keys, slots = self._keys_of(leading), array("I", range(first_slot, first_slot + count))
        while at < count:
            number = leading[at] >> self._bucket_shift
            to = bisect_left(leading, number + 1 << self._bucket_shift, at)
            bucket = self._buckets[number]
            half = len(bucket) >> 1
            self._buckets[number] = bucket[:half] + keys[at:to] + bucket[half:] + slots[at:to]
            at = to

    def in_order(self, *, limit: int) -> Iterator[array[int]]:
        """All slots, those of smaller ids before those of greater ones, some `limit` at a time.

        Between two steps anything may be entered and dropped. Ids that may be equal are not torn apart.
        """
        place, end = 0, len(self._buckets) << _KEY_BITS
        while place < end:
            found, place = self._from(place, limit)
            yield found

    def _from(self, place: int, limit: int) -> tuple[array[int], int]:
        """Some slots from a place on, which is a bucket and a key, and where to go on."""
        found = array("I")
        first = place >> _KEY_BITS
        for number in range(first, min(first + _BUCKETS_A_STEP, len(self._buckets))):
            bucket, left = self._buckets[number], limit - len(found)
            half = len(bucket) >> 1
            at, to = bisect_left(bucket, place & _LAST_KEY, 0, half), half
            place = number + 1 << _KEY_BITS
            if half - at > left:
                following = bucket[at + left - 1] + 1
                to, place = bisect_left(bucket, following, at, half), (number << _KEY_BITS) + following
            found += bucket[half + at : half + to]
            if len(found) >= limit:
                break
        return found, place

    def _by_bucket(
        self, entries: Iterable[tuple[bytes, int]]
    ) -> Iterator[tuple[int, Iterator[tuple[int, int]]]]:
        """The buckets of entries, and key and slot of each, in order."""
        shift, unpack = self._key_shift, _LEADING.unpack
        places = sorted(unpack(hashed_id)[0] >> shift << _SLOT_BITS | slot for hashed_id, slot in entries)
        for number, of_bucket in groupby(places, _bucket_of):
            yield number, ((place >> _SLOT_BITS & _LAST_KEY, place & _LAST_SLOT) for place in of_bucket)

    def _keys_of(self, leading: array[int]) -> array[int]:
        """The keys of ids, made of all of them at once: as the digits of one number, of 64 bits each."""
        number = int.from_bytes(leading.tobytes(), sys.byteorder) >> self._key_shift
        mask = int.from_bytes((array("Q", [_LAST_KEY]) * len(leading)).tobytes(), sys.byteorder)
        digits = (number & mask).to_bytes(len(leading) * LEADING_BYTES, sys.byteorder)
        return array("I", memoryview(digits).cast("I")[_LOW_HALF::2].tobytes())


def _bucket_of(place: int) -> int:
    return place >> _SLOT_BITS + _KEY_BITS


def _places(bucket: array[int], key: int, slot: int) -> Iterator[int]:
    """Where in the first half of a bucket the key of a slot is, if anywhere."""
    half = len(bucket) >> 1
    for at in range(bisect_left(bucket, key, 0, half), half):
        if bucket[at] != key:
            return
        if bucket[half + at] == slot:
            yield at
