"""A status as gRPC carries it: its details in a trailer, and the pushback that gRPC's own retries obey."""

from __future__ import annotations

from typing import Final, TypeAlias

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status as StatusMessage

from sessiond_server.transport.engine.port import Status

ERROR_DOMAIN: Final = "sessiond"

Trailers: TypeAlias = tuple[tuple[str, str | bytes], ...]


def to_trailers(status: Status) -> Trailers:
    """One `ErrorInfo`, and where the same call may be repeated a `RetryInfo` and its pushback (gRFC A6).

    Where it was one too many a `QuotaFailure` says of what.
    """
    details = [_packed(ErrorInfo(reason=status.reason, domain=ERROR_DOMAIN, metadata=status.metadata))]
    trailers: list[tuple[str, str | bytes]] = []
    if status.retry_after_seconds is not None:
        milliseconds = int(status.retry_after_seconds * 1000)
        delay = Duration()
        delay.FromMilliseconds(milliseconds)
        details.append(_packed(RetryInfo(retry_delay=delay)))
        trailers.append(("grpc-retry-pushback-ms", str(milliseconds)))
    if status.exhausted is not None:
        subject, description = status.exhausted
        violation = QuotaFailure.Violation(subject=subject, description=description)
        details.append(_packed(QuotaFailure(violations=[violation])))
    message = StatusMessage(code=int(status.code), message=status.message, details=details)
    return (("grpc-status-details-bin", message.SerializeToString()), *trailers)


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
