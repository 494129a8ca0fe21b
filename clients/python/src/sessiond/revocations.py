"""What a server tells of revocations: its status, and the events of a stream, as they come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from sessiond.v1 import session_pb2, session_service_pb2


@dataclass(frozen=True, slots=True)
class WatchStarted:
    """A stream has begun, and goes on from `revision`.

    Under another `configuration` than before nothing that was kept is good any more.
    """

    revision: str
    max_staleness: timedelta
    configuration: str
    server: str


@dataclass(frozen=True, slots=True)
class RevocationEvent:
    """Something was revoked: a `type` of RevocationType, without its prefix, and the hashed id."""

    type: str
    hashed_id: bytes
    expire_time: datetime
    revision: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """Everything up to `revision` has been told.

    That was all there was `age` before the moment at which the server has had the stream for `since_start`.
    """

    revision: str
    age: timedelta
    since_start: timedelta


@dataclass(frozen=True, slots=True)
class WatchReset:
    """What was asked for is no longer held: whatever is kept is to be dropped."""

    revision: str
    configuration: str


WatchEvent: TypeAlias = WatchStarted | RevocationEvent | Freshness | WatchReset


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """How a server follows the log of one partition of the store.

    `age` is None before it was read to its end once. `resync_reason` is a name of ResyncReason without its
    prefix, and empty where the log always went on.
    """

    partition: int
    incarnation: bytes
    read: int
    behind: int
    age: timedelta | None
    restoring: bool
    resync_time: datetime | None
    resync_reason: str


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """What one server knows of revocations, and how it follows them."""

    server: str
    revision: str
    revocations: int
    watchers: int
    max_staleness: timedelta
    partitions: tuple[PartitionStatus, ...]


def to_event(message: session_service_pb2.WatchRevocationsResponse) -> WatchEvent | None:
    """What happened; None for what a newer server tells and this client does not know."""
    match message.WhichOneof("event"):
        case "started":
            started = message.started
            return WatchStarted(
                started.revision, started.max_staleness.ToTimedelta(), started.configuration, started.server
            )
        case "revocation":
            return _to_revocation(message.revocation)
        case "freshness":
            fresh = message.freshness
            return Freshness(fresh.revision, fresh.age.ToTimedelta(), fresh.since_start.ToTimedelta())
        case "reset":
            return WatchReset(message.reset.revision, message.reset.configuration)
        case _:
            return None


def to_status(message: session_service_pb2.GetRevocationStatusResponse) -> RevocationStatus:
    """A status from its message."""
    return RevocationStatus(
        message.server,
        message.revision,
        message.revocations,
        message.watchers,
        message.max_staleness.ToTimedelta(),
        tuple(map(_to_partition, message.partitions)),
    )


def _to_revocation(message: session_pb2.Revocation) -> RevocationEvent:
    value = session_pb2.RevocationType.DESCRIPTOR.values_by_number.get(message.type)
    name = value.name.removeprefix("REVOCATION_TYPE_") if value else str(message.type)
    expire_time = message.expire_time.ToDatetime(tzinfo=UTC)
    return RevocationEvent(name, message.hashed_id, expire_time, message.revision)


def _to_partition(message: session_service_pb2.PartitionStatus) -> PartitionStatus:
    value = session_service_pb2.ResyncReason.DESCRIPTOR.values_by_number.get(message.resync_reason)
    reason = value.name.removeprefix("RESYNC_REASON_") if value else str(message.resync_reason)
    return PartitionStatus(
        message.partition,
        message.incarnation,
        message.read,
        message.behind,
        message.age.ToTimedelta() if message.HasField("age") else None,
        message.restoring,
        message.resync_time.ToDatetime(tzinfo=UTC) if message.HasField("resync_time") else None,
        reason if message.resync_reason else "",
    )
