"""A client on asyncio belongs to its event loop: each loop has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

T = TypeVar("T")


class PerLoop(Generic[T]):
    """What is there, or what a function makes, once for each loop when it is first asked for.

    What has a method `validate` is there.
    """

    def __init__(self, source: T | Callable[[], T]) -> None:
        self._given: Final = cast("T", source) if hasattr(source, "validate") else None
        self._make: Final = cast("Callable[[], T]", source)
        self._made: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, T]] = WeakKeyDictionary()

    def get(self) -> T:
        """That of the running loop."""
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        made = self._made.get(loop)
        if made is None:
            made = self._made[loop] = self._make()
        return made

    async def close(self) -> None:
        """Close that of the running loop, if it was made here; who gave one closes it."""
        made = self._made.pop(asyncio.get_running_loop(), None)
        close = getattr(made, "close", None)
        if close is not None:
            await close()
