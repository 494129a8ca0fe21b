"""What a snapshot consists of: everything that is known of a partition, in the order of the hashed ids."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

from sessiond_server.domain.packed_revocations import PackedRevocations
from sessiond_server.domain.revocation import Revocation

_ENTRIES_A_PIECE: Final = 512


def ordered_entries(recent: Mapping[bytes, Revocation], packed: PackedRevocations | None) -> Iterator[bytes]:
    """Entries, packed, in pieces of a limited number; of an id that both know, what `recent` has.

    Between two pieces `packed` may change. What was held all the time is in one of them.

    Raises:
        OSError: what is packed cannot be read.
    """
    ids, done = sorted(recent), 0
    for entries in packed.in_order() if packed else ():
        last = max(entries, default=b"")
        before = bisect_right(ids, last, done)
        yield from _pieces(recent, entries, sorted({*ids[done:before], *entries}))
        done = before
    yield from _pieces(recent, {}, ids[done:])


def _pieces(
    recent: Mapping[bytes, Revocation], entries: Mapping[bytes, bytes], ids: list[bytes]
) -> Iterator[bytes]:
    for first in range(0, len(ids), _ENTRIES_A_PIECE):
        piece = ids[first : first + _ENTRIES_A_PIECE]
        yield b"".join(recent[one].pack() if one in recent else entries[one] for one in piece)
