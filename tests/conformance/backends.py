"""Calls of backends that a testee serves: over HTTP/1.1 as the bytes that a case says, and over gRPC."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from http.client import parse_headers
from io import BytesIO
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Sequence

JsonObject = dict[str, Any]

_BYTES = 1 << 20
_SECRET_HEADERS = frozenset({"authorization", "cookie", "dpop"})
# What stands between tokens in a header.
_BETWEEN = re.compile(r"[ \t,;]+|(?<==)(?==*[^=])")
_LEAST_CHARACTERS = 8
_SECONDS = 10


def ask(said: JsonObject) -> Awaitable[JsonObject]:
    """Carry out a step `http` or `grpc`; the members of what comes are those of README.md."""
    return _ask_over_http(said) if "http" in said else asyncio.to_thread(_ask_over_grpc, said)


def secrets_of(said: JsonObject) -> set[str]:
    """The tokens and proofs in the headers, or in the metadata, of a request."""
    lines = [line.split(":", 1) for line in said.get("request", []) if ":" in line]
    pairs = [*lines, *said.get("metadata", [])]
    return {
        word
        for name, value in pairs
        if name.strip().lower() in _SECRET_HEADERS
        for word in _BETWEEN.split(value.strip())
        if len(word) >= _LEAST_CHARACTERS
    }


async def _ask_over_http(said: JsonObject) -> JsonObject:
    """One request on a connection of its own; a header field of the answer has a list of values."""
    lines: Sequence[str] = said["request"]
    body = said.get("body", "").encode()
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    more = {"host": said["http"], "connection": "close"}
    if body:
        more["content-length"] = str(len(body))
    lines = [*lines, *(f"{name}: {value}" for name, value in more.items() if name not in names)]
    host, _, port = said["http"].rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port), limit=_BYTES)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            status, headers = await _head(reader)
            text = "" if lines[0].startswith("HEAD ") else await _body(reader, headers)
        finally:
            writer.close()
    except (OSError, EOFError, ValueError) as error:
        return {"error": {"text": f"there was no answer: {type(error).__name__}"}}
    is_json = headers.get("content-type", [""])[0].startswith("application/json") and text
    told = {"status": status, "headers": headers, "body": json.loads(text) if is_json else text}
    # A cookie is where tokens belong; they show nowhere else.
    shown = [text, *(str(values) for name, values in headers.items() if name != "set-cookie")]
    return {**told, "shown": "\n".join(shown)}


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, list[str]]]:
    status, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
    headers: dict[str, list[str]] = {}
    for name, value in parse_headers(BytesIO(rest)).items():
        headers.setdefault(name.lower(), []).append(value)
    return int(status.split(b" ")[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, list[str]]) -> str:
    if "chunked" in headers.get("transfer-encoding", []):
        chunks = [chunk async for chunk in _chunks(reader)]
        return b"".join(chunks).decode()
    if "content-length" in headers:
        return (await reader.readexactly(int(headers["content-length"][0]))).decode()
    return (await reader.read()).decode()


async def _chunks(reader: asyncio.StreamReader) -> Any:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()


def _ask_over_grpc(said: JsonObject) -> JsonObject:
    """One call, of whatever shape; each message is a StringValue, that of an answer has JSON in it.

    It blocks: on asyncio a call that is denied while its messages are written is taken for a fault of gRPC.
    """
    messages: list[Any] = []
    with grpc.insecure_channel(said["grpc"], options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        method = channel.stream_stream(
            said["method"],
            request_serializer=lambda text: StringValue(value=text).SerializeToString(),
            response_deserializer=StringValue.FromString,
        )
        metadata = [tuple(pair) for pair in said.get("metadata", [])]
        call = method(iter(said.get("messages", [""])), metadata=metadata, timeout=_SECONDS)
        with suppress(grpc.RpcError):  # the status is asked for below
            for message in call:
                messages.append(json.loads(message.value))  # noqa: PERF401 - those before an error count
        trailers, code, details = list(call.trailing_metadata()), call.code().name, call.details()
    texts: dict[str, list[str]] = {}
    for name, value in trailers:
        if isinstance(value, str):
            texts.setdefault(name, []).append(value)
    told = {
        "code": code,
        "trailers": texts,
        "retry_after": next(_retries(trailers), None),
        "messages": messages,
    }
    return {**told, "shown": json.dumps([details, told])}


def _retries(metadata: Any) -> Iterator[float]:
    for name, value in metadata:
        if name == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                if detail.Is(RetryInfo.DESCRIPTOR):
                    told = RetryInfo()
                    detail.Unpack(told)
                    yield told.retry_delay.ToNanoseconds() / 1e9
