"""What a parent and a worker tell each other, over a pair of sockets that nobody else has."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, Final, TypeAlias

# What a worker has counted is some hundred thousand bytes.
_MAX_MESSAGE_BYTES: Final = 16 << 20

Answers: TypeAlias = Mapping[str, Callable[[Any], Awaitable[Any]]]


class LinkEndedError(Exception):
    """The other end is gone."""


class Link:
    """One end; a message is a line of JSON: what is said, by a word, and its value.

    `answers` does what the other end's words say; what it returns is the answer where one was asked for.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers) -> None:
        self._reader = reader
        self._writer = writer
        self._answers = answers
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}

    @classmethod
    async def over(cls, end: socket.socket, answers: Answers) -> Link:
        """A link over this end of the pair."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_MAX_MESSAGE_BYTES), answers)

    async def run(self) -> None:
        """Hear what the other end says, until it is gone."""
        try:
            while line := await self._reader.readline():
                await self._hear(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self._writer.close()
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(LinkEndedError())

    def tell(self, word: str, value: Any = None) -> None:
        """Say something, if anybody is there to hear it."""
        self._send({"word": word, "value": value})

    async def ask(self, word: str, *, within_seconds: float) -> Any:
        """What the other end answers.

        Raises:
            LinkEndedError: it is gone.
            TimeoutError: there was no answer in time.
        """
        if self._writer.is_closing():
            raise LinkEndedError
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        self._send({"word": word, "value": None, "number": number})
        try:
            return await asyncio.wait_for(self._asked[number], within_seconds)
        finally:
            del self._asked[number]

    async def close(self) -> None:
        """Say nothing more, once everything is said."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def _send(self, message: Mapping[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _hear(self, message: Mapping[str, Any]) -> None:
        word, number = message.get("word"), message.get("number")
        if word is None:
            asked = self._asked.get(message["answers"])
            if asked is not None and not asked.done():
                asked.set_result(message["value"])
            return
        value = await self._answers[word](message["value"])
        if number is not None:
            self._send({"answers": number, "value": value})
