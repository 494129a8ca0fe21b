"""Requests over HTTP/1.1 whose lines are sent as they are given, and what is answered."""

from __future__ import annotations

import asyncio
from http.client import parse_headers
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_BYTES = 1 << 20


class Answer(NamedTuple):
    """The names of headers are in small letters, and stand in the order of the answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: str


async def ask(host: str, port: int, lines: Sequence[str], body: bytes = b"") -> Answer:
    """One request on a connection of its own.

    Raises:
        OSError, EOFError, ValueError: there was no answer, or none that can be read.
    """
    reader, writer = await asyncio.open_connection(host, port, limit=_BYTES)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        status, headers = await _head(reader)
        text = "" if lines[0].startswith("HEAD ") else await _body(reader, dict(headers))
    finally:
        writer.close()
    return Answer(status, headers, text)


async def _head(reader: asyncio.StreamReader) -> tuple[int, list[tuple[str, str]]]:
    status, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
    headers = [(name.lower(), value) for name, value in parse_headers(BytesIO(rest)).items()]
    return int(status.split(b" ")[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> str:
    if headers.get("transfer-encoding") == "chunked":
        return b"".join([chunk async for chunk in _chunks(reader)]).decode()
    if "content-length" in headers:
        return (await reader.readexactly(int(headers["content-length"]))).decode()
    return (await reader.read()).decode()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
