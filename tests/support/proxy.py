"""A link between two processes that can be cut, held or slowed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
CHUNK_BYTES = 1 << 16


class Proxy:
    """Passes bytes on to a port, both ways.

    While it is held nothing comes through, and nobody is told: the link is a black hole. `delay_seconds` is
    how late every byte arrives.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.delay_seconds = 0.0
        # What is asked and what is answered.
        self._ways = (asyncio.Event(), asyncio.Event())
        self._refuses = False
        self._links: set[asyncio.Task[None]] = set()
        self._last_words: bytes | None = None
        self.release()

    def hold(self) -> None:
        """Be a black hole from now on."""
        for way in self._ways:
            way.clear()

    def hold_answers_to(self, words: bytes) -> None:
        """Let through everything up to what is asked with these words, and no answer from then on."""
        self._last_words = words

    def release(self) -> None:
        """Let through what was held, and what comes."""
        self._last_words = None
        for way in self._ways:
            way.set()

    async def cut(self) -> None:
        """End every connection, and refuse new ones until `mend`."""
        self._refuses = True
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def mend(self) -> None:
        """Take connections again."""
        self._refuses = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        link = asyncio.ensure_future(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        try:
            with suppress(asyncio.CancelledError):
                await link
        finally:
            # One that is cut before it began has closed nothing.
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            return
        try:
            onward, back = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            return
        ends = zip(((reader, back), (onward, writer)), self._ways, strict=True)
        ways = [asyncio.ensure_future(self._pass(*both, way)) for both, way in ends]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self._last_words and self._last_words in chunk:
                    self._ways[1].clear()
                await is_open.wait()
                writer.write(chunk)
                await writer.drain()


@asynccontextmanager
async def running_proxy(target_port: int) -> AsyncIterator[Proxy]:
    """A link to this port, at a port of its own."""
    proxy = Proxy(target_port)
    server = await asyncio.start_server(proxy.accept, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.cut()
