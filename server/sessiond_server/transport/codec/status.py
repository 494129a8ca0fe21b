"""GetRevocationStatus between the wire and the domain."""

from __future__ import annotations

from sessiond.v1 import session_service_pb2
from sessiond_server.service.revocation.status import PartitionStatus, RevocationStatus


def encode(status: RevocationStatus, *, server: str, watchers: int) -> bytes:
    """The response of `server`, which has so many watchers."""
    response = session_service_pb2.GetRevocationStatusResponse(
        server=server,
        revision=status.revision,
        revocations=status.revocations,
        watchers=watchers,
        partitions=map(_to_message, status.partitions),
    )
    response.max_staleness.FromMicroseconds(round(status.max_staleness_seconds * 1e6))
    return response.SerializeToString()


def _to_message(status: PartitionStatus) -> session_service_pb2.PartitionStatus:
    why = f"RESYNC_REASON_{status.resync.why.name}" if status.resync else None
    message = session_service_pb2.PartitionStatus(
        partition=status.partition, behind=status.behind, restoring=status.is_in_doubt, resync_reason=why
    )
    if status.position:
        message.incarnation, message.read = status.position.incarnation, status.position.number
    if status.age_seconds is not None:
        message.age.FromMicroseconds(max(0, round(status.age_seconds * 1e6)))
    if status.resync:
        message.resync_time.FromMicroseconds(round(status.resync.at * 1e6))
    return message
