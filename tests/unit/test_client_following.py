"""Running the watch on asyncio: what is left of it where it is closed."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from typing import TYPE_CHECKING

from sessiond.clocks import SYSTEM_CLOCKS
from sessiond.following import AsyncFollowing
from sessiond.knowledge import Knowledge
from sessiond.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Call:
    """One that brings nothing; a connection is open as long as its calls are there."""

    def __aiter__(self) -> AsyncIterator[object]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[object]:
        await self.read()
        yield None

    async def read(self) -> None:
        await asyncio.Event().wait()


async def test_no_call_is_held_behind_the_end() -> None:
    """The garbage collector would find it, whenever it comes by: a server has its connection till then."""
    opened: list[weakref.ref[Call]] = []
    is_open = asyncio.Event()

    def opener(_: object) -> Call:
        call = Call()
        opened.append(weakref.ref(call))
        is_open.set()
        return call

    following = AsyncFollowing(Watch(Knowledge(), random.random), opener, SYSTEM_CLOCKS, lambda _: None)
    gc.collect()
    gc.disable()
    try:
        following.start()
        await is_open.wait()
        await asyncio.sleep(0)
        await following.close()
        await asyncio.sleep(0)
        assert [call() for call in opened] == [None]
    finally:
        gc.enable()
