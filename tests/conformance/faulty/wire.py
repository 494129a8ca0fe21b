"""What a reply is on the wire: gRPC's frames, and the headers that carry a status."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessiond.v1 import session_service_pb2 as messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

JsonObject = dict[str, Any]
Headers = list[tuple[str, str]]

_PREFIX = struct.Struct(">BI")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_SERVICE = messages.DESCRIPTOR.services_by_name["SessionService"]
UNARY_METHODS = [method.name for method in _SERVICE.methods if not method.server_streaming]
CODES = {code.name: code.value[0] for code in grpc.StatusCode}


def framed(message: bytes, *, promised: int | None = None) -> bytes:
    """A message behind its prefix, which may promise another length than there is."""
    return _PREFIX.pack(0, len(message) if promised is None else promised) + message


def unframed(data: bytes) -> bytes:
    """The one message of a unary request."""
    _, length = _PREFIX.unpack_from(data)
    return data[_PREFIX.size : _PREFIX.size + length]


def seconds_of(timeout: str | None) -> float | None:
    """The value of a `grpc-timeout` header in seconds."""
    return None if timeout is None else int(timeout[:-1]) * _UNITS[timeout[-1]]


def request_of(method: str, raw: bytes) -> JsonObject:
    """A request as JSON, its fields named as in the schema."""
    read = getattr(messages, f"{method}Request").FromString(raw)
    return json_format.MessageToDict(read, preserving_proto_field_name=True)


def answer_of(method: str, answer: JsonObject) -> bytes:
    """An answer of the schema's JSON form as bytes; raises `json_format.ParseError` for what is none."""
    message: Message = getattr(messages, f"{method}Response")()
    return json_format.ParseDict(answer, message).SerializeToString(deterministic=True)


def status_headers(status: Mapping[str, Any]) -> Headers:
    """The trailers of a refusal, as `status` of a case describes it."""
    headers = [("grpc-status", str(CODES[status["status"]]))]
    if message := status.get("message"):
        headers.append(("grpc-message", quote(message, safe=" !#$&'()*+,/:;=?@[]~")))
    if details := _details(status):
        headers.append(("grpc-status-details-bin", base64.b64encode(details).decode().rstrip("=")))
    if "pushback_ms" in status:
        headers.append(("grpc-retry-pushback-ms", str(status["pushback_ms"])))
    return headers


def _details(status: Mapping[str, Any]) -> bytes:
    """`google.rpc.Status`, or what stands in its place; empty where nothing was said."""
    if "details_hex" in status:
        return bytes.fromhex(status["details_hex"])
    infos = list(status.get("more_infos", ()))
    if "reason" in status:
        infos.insert(0, {name: status[name] for name in ("reason", "domain", "metadata") if name in status})
    details: list[Message] = [ErrorInfo(**({"domain": "sessiond"} | info)) for info in infos]
    if "retry_after" in status:
        details.append(RetryInfo(retry_delay=_duration(status["retry_after"])))
    if not details:
        return b""
    message = status.get("message", "")
    packed = [_packed(detail) for detail in details]
    return Status(code=CODES[status["status"]], message=message, details=packed).SerializeToString()


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
