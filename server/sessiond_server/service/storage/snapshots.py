"""The port of snapshots: what was known of revocations at some place of the log, so that a start is short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.revocation import Position


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the log of a partition had up to `position` and that had not expired, in parts.

    The entries of all parts are sorted by their hashed ids, of which none is there twice.
    `digests` are of the parts, by which each is told from any other; `life_ms` is how long it is still kept.
    """

    id: bytes
    position: Position
    digests: tuple[bytes, ...]
    life_ms: int


class SnapshotWriter(Protocol):
    """Writes one snapshot, as the only one who does so; every method raises `StoreUnavailableError`."""

    async def add(self, entries: bytes) -> bool:
        """Write the next part: entries of the log, packed; False where somebody else writes by now."""

    async def finish(self, position: Position) -> bool:
        """Let others find it, in the place of the one before; False where somebody else writes by now."""


class Snapshots(Protocol):
    """Where snapshots are kept, the last one of each partition; each expires unless a later one comes.

    A snapshot is found once it is whole. Every method raises `StoreUnavailableError`.
    """

    async def find(self, partition: int) -> Snapshot | None:
        """The last snapshot that is whole."""

    async def read(self, snapshot: Snapshot, number: int) -> bytes | None:
        """The entries of a part, packed; None where it is not there any more as it was written."""

    async def begin(self, partition: int, *, former: Snapshot | None) -> SnapshotWriter | None:
        """Write a snapshot in the place of `former`; None while somebody else does so."""
