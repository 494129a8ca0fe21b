"""A `google.rpc.Status` with when to ask again, which gRPC carries in the trailer `grpc-status-details-bin`.

Its types belong to a package that this client does without (see `errors`), so its few fields are written by
number.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration

TRAILER: Final = "grpc-status-details-bin"
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
# Tags of the fields of Status, and of the one of RetryInfo.
_CODE, _MESSAGE, _DETAILS = 0x08, 0x12, 0x1A
_RETRY_DELAY: Final = 0x0A


def with_retry_info(code: grpc.StatusCode, message: str, delay: timedelta) -> bytes:
    """The bytes of a status that says when to ask again."""
    duration = Duration()
    duration.FromTimedelta(delay)
    info = AnyMessage(type_url=_RETRY_INFO, value=_field(_RETRY_DELAY, duration.SerializeToString()))
    number: int = code.value[0]
    return (
        bytes([_CODE, number])
        + _field(_MESSAGE, message.encode())
        + _field(_DETAILS, info.SerializeToString())
    )


def _field(tag: int, value: bytes) -> bytes:
    size, length = len(value), bytearray()
    while size > 0x7F:  # noqa: PLR2004 - seven bits of a varint
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([tag, *length, size]) + value
