"""The entries of a snapshot: sorted by their ids, so that many are taken in at once."""

from __future__ import annotations

import sys
from array import array

from sessiond_server.domain.packed_index import LEADING_BYTES
from sessiond_server.domain.packed_revocations import PackedRevocations
from sessiond_server.domain.revocation import ENTRY, HASHED_ID


class PackedLoading:
    """Takes in one part of a snapshot after the other; `packed` is of no use before the last."""

    def __init__(self, packed: PackedRevocations) -> None:
        self.packed = packed
        self._last = 0

    def add(self, entries: bytes) -> None:
        """Take a part in: packed entries, one behind the other.

        Raises:
            OSError: there is no room.
            ValueError: the entries are not sorted by their ids, or not behind those of the part before.
        """
        leading = _leading_of(entries)
        ids = [self._last, *leading]
        if ids != sorted(ids):
            raise ValueError("the entries of a snapshot are not in the order of their ids")
        self._last = ids[-1]
        self.packed.append(entries, leading)


def _leading_of(entries: bytes) -> array[int]:
    """The leading bytes of the ids of packed entries as whole numbers, without a look at each."""
    octets = bytearray(len(entries) // ENTRY.size * LEADING_BYTES)
    for at in range(LEADING_BYTES):
        octets[at::LEADING_BYTES] = entries[HASHED_ID.start + at :: ENTRY.size]
    leading = array("Q", octets)
    if sys.byteorder == "little":
        leading.byteswap()
    return leading
