"""Revocations that are packed, in a space that can be full."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable

from typing_extensions import override

from sessiond_server.domain.revocation import ENTRY, FOREVER_MS, NO_ID, Revocation, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.space import Space
from sessiond_server.domain.view import RevocationView

EXPIRY_MS = 1000


class Memory(Space):
    """A space that can be full: by the offsets of entries what was written there."""

    def __init__(self) -> None:
        self.held: dict[int, bytes] = {}
        self.limit = 2**30

    @override
    def write(self, at: int, packed: bytes) -> None:
        assert at % ENTRY.size == 0
        assert len(packed) % ENTRY.size == 0
        new = {at + first: packed[first : first + ENTRY.size] for first in range(0, len(packed), ENTRY.size)}
        if len(self.held.keys() | new) * ENTRY.size > self.limit:
            raise OSError(errno.ENOSPC, "full")
        self.held.update(new)

    @override
    def read(self, at: int, size: int) -> bytes:
        return b"".join(self.held[place] for place in range(at, at + size, ENTRY.size))


def hashed(number: int) -> bytes:
    """An id like any other, from which the number can be read."""
    octets = number.to_bytes(8, "big")
    return hashlib.sha256(octets).digest()[:8] + octets


def number_of(hashed_id: bytes) -> int:
    return int.from_bytes(hashed_id[8:], "big")


def numbered(number: int, *, expire_ms: int = EXPIRY_MS) -> Revocation:
    return Revocation(RevocationType.SESSION, hashed(number), FOREVER_MS, expire_ms)


def ids_of(*hashed_ids: bytes, started_ms: int = 0) -> RevocationIds:
    return RevocationIds(hashed_ids, NO_ID, NO_ID, started_ms=started_ms, placing_byte=0)


def of_two_partitions(numbers: range, *, max_recent: int) -> RevocationView:
    """The even ones are in partition 0, the odd ones in partition 1."""
    view = RevocationView(partitions=2, space=Memory(), max_recent=max_recent)
    for number in numbers:
        view.apply(number % 2, numbered(number))
        while view.pack():
            pass
    return view


def known_of(view: RevocationView, partition: int, numbers: Iterable[int]) -> list[int]:
    return [number for number in numbers if view.revokes(partition, ids_of(numbered(number).hashed_id))]
