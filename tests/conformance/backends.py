"""Calls of backends that a testee serves: over HTTP/1.1 as the bytes that a case says, and over gRPC."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from sessiond.errors import read_details
from tests.support import http1

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

JsonObject = dict[str, Any]

_SECONDS = 10


def ask(said: JsonObject) -> Awaitable[JsonObject]:
    """Carry out a step `http` or `grpc`; the members of what comes are those of README.md."""
    return _ask_over_http(said) if "http" in said else asyncio.to_thread(_ask_over_grpc, said)


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
        answer = await http1.ask(host, int(port), lines, body)
    except (OSError, EOFError, ValueError) as error:
        return {"error": {"text": f"there was no answer: {type(error).__name__}"}}
    headers = _by_name(answer.headers)
    is_json = headers.get("content-type", [""])[0].startswith("application/json") and answer.body
    told = {
        "status": answer.status,
        "headers": headers,
        "body": json.loads(answer.body) if is_json else answer.body,
    }
    # A cookie is where tokens belong; they show nowhere else.
    shown = [answer.body, *(str(values) for name, values in headers.items() if name != "set-cookie")]
    return {**told, "shown": "\n".join(shown)}


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
        trailers, code, text = dict(call.trailing_metadata()), call.code().name, call.details()
        texts = _by_name(pair for pair in call.trailing_metadata() if isinstance(pair[1], str))
    retry_after = read_details(trailers.get("grpc-status-details-bin", b"")).retry_after
    told = {
        "code": code,
        "trailers": texts,
        "retry_after": retry_after.total_seconds() if retry_after is not None else None,
        "messages": messages,
    }
    return {**told, "shown": json.dumps([text, told])}


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
