"""A `google.rpc.Status` with one detail, which gRPC carries in the trailer `grpc-status-details-bin`.

Its types belong to a package that this client does without (see `errors`), so its few fields are written by
number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration

TRAILER: Final = "grpc-status-details-bin"
_TYPES: Final = "type.googleapis.com/google.rpc"
# Tags of the fields of Status, of the one of RetryInfo, of those of ErrorInfo, and of an entry of its map.
_CODE, _MESSAGE, _DETAILS = 0x08, 0x12, 0x1A
_RETRY_DELAY: Final = 0x0A
_REASON, _DOMAIN, _METADATA = 0x0A, 0x12, 0x1A
_NAME, _VALUE = 0x0A, 0x12


def with_retry_info(code: grpc.StatusCode, message: str, delay: timedelta) -> bytes:
    """The bytes of a status that says when to ask again."""
    duration = Duration()
    duration.FromTimedelta(delay)
    return _status(code, message, "RetryInfo", _field(_RETRY_DELAY, duration.SerializeToString()))


def with_error_info(code: grpc.StatusCode, message: str, reason: str, metadata: Mapping[str, str]) -> bytes:
    """The bytes of a status as sessiond tells it."""
    told = _field(_REASON, reason.encode()) + _field(_DOMAIN, b"sessiond")
    for name, value in metadata.items():
        told += _field(_METADATA, _field(_NAME, name.encode()) + _field(_VALUE, value.encode()))
    return _status(code, message, "ErrorInfo", told)


def _status(code: grpc.StatusCode, message: str, kind: str, detail: bytes) -> bytes:
    packed = AnyMessage(type_url=f"{_TYPES}.{kind}", value=detail).SerializeToString()
    number: int = code.value[0]
    return bytes([_CODE, number]) + _field(_MESSAGE, message.encode()) + _field(_DETAILS, packed)


def _field(tag: int, value: bytes) -> bytes:
    size, length = len(value), bytearray()
    while size > 0x7F:  # noqa: PLR2004 - seven bits of a varint
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([tag, *length, size]) + value
