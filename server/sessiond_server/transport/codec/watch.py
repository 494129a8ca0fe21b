"""WatchRevocations between the wire and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from google.protobuf.duration_pb2 import Duration

from sessiond.v1 import session_pb2, session_service_pb2
from sessiond_server.domain.revocation import Position
from sessiond_server.service.revocation.events import Event
from sessiond_server.service.revocation.watch import Freshness, Message, Reset, Started
from sessiond_server.transport.codec import revocations
from sessiond_server.transport.codec.requirements import decode_positions

_FIELD = "from_revision"


def decode(request: session_service_pb2.WatchRevocationsRequest) -> Mapping[int, Position] | None:
    """What the watcher knows, by partition; None for nothing. Raises a named failure."""
    if not request.from_revision:
        return None
    positions = decode_positions(request.from_revision, field=_FIELD)
    return {one.partition: one for one in positions}


class WatchEncoder:
    """Encodes what one server tells its watchers.

    `configuration` is the fingerprint of its settings, `server` what it calls itself in their logs.
    """

    def __init__(self, *, configuration: str, server: str) -> None:
        self._configuration = configuration
        self._server = server

    def encode(self, message: Message) -> bytes:
        """One message of a stream; an event is encoded once for all streams."""
        match message:
            case Event():
                if message.encoded is None:
                    message.encoded = _encode_event(message)
                return message.encoded
            case Freshness():
                return _encode_freshness(message)
            case Started():
                return self._encode_started(message)
            case Reset():
                reset = session_service_pb2.Reset(
                    revision=message.revision, configuration=self._configuration
                )
                return session_service_pb2.WatchRevocationsResponse(reset=reset).SerializeToString()
            case _ as never:
                assert_never(never)

    def _encode_started(self, started: Started) -> bytes:
        message = session_service_pb2.Started(
            revision=started.revision,
            max_staleness=_duration(int(started.max_staleness_seconds * 1_000_000)),
            configuration=self._configuration,
            server=self._server,
        )
        return session_service_pb2.WatchRevocationsResponse(started=message).SerializeToString()


def _encode_event(event: Event) -> bytes:
    revocation = revocations.encode(event.revocation, revision=event.revision)
    return session_service_pb2.WatchRevocationsResponse(revocation=revocation).SerializeToString()


def _encode_freshness(freshness: Freshness) -> bytes:
    # Both are rounded so that the watcher takes itself for less fresh than it is, and never for fresher.
    message = session_pb2.Freshness(
        revision=freshness.revision,
        age=_duration(int(freshness.age_seconds * 1_000_000) + 1),
        since_start=_duration(int(freshness.since_start_seconds * 1_000_000)),
    )
    return session_service_pb2.WatchRevocationsResponse(freshness=message).SerializeToString()


def _duration(microseconds: int) -> Duration:
    seconds, rest = divmod(microseconds, 1_000_000)
    return Duration(seconds=seconds, nanos=rest * 1000)
