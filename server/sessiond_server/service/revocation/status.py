"""What a server knows of revocations and how it follows them, for whoever operates it."""

from __future__ import annotations

from dataclasses import dataclass

from sessiond_server.domain.revocation import Position
from sessiond_server.service.revocation.follow import Resync, Revocations


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """How the log of one partition is followed.

    `position` and `age_seconds` are None before the log was read to its end once, `resync` where it always
    went on. `is_in_doubt` says that the store may lack what is held here.
    """

    partition: int
    position: Position | None
    behind: int
    age_seconds: float | None
    is_in_doubt: bool
    resync: Resync | None


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """What one server holds, and how it follows every partition."""

    revision: str
    revocations: int
    max_staleness_seconds: float
    partitions: tuple[PartitionStatus, ...]


def status_of(revocations: Revocations) -> RevocationStatus:
    """As of this moment."""
    return RevocationStatus(
        revocations.revision,
        len(revocations),
        revocations.max_staleness_seconds,
        tuple(_of_a_partition(revocations, one) for one in revocations.partitions),
    )


def _of_a_partition(revocations: Revocations, partition: int) -> PartitionStatus:
    position = revocations.view.position_of(partition)
    return PartitionStatus(
        partition,
        position,
        revocations.behind(partition),
        revocations.age_of(partition) if position else None,
        revocations.view.is_in_doubt(partition),
        revocations.resyncs.get(partition),
    )
