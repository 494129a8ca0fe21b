"""A client on asyncio belongs to its event loop: each loop has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from sessiond.middleware.gate import AsyncValidator

AsyncSource: TypeAlias = AsyncValidator | Callable[[], AsyncValidator]


class PerLoop:
    """A validator that is there, or those that a function makes, one for each loop when it first asks."""

    def __init__(self, source: AsyncSource) -> None:
        self._given: Final = cast("AsyncValidator", source) if hasattr(source, "validate") else None
        self._make: Final = cast("Callable[[], AsyncValidator]", source)
        self._made: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncValidator]] = WeakKeyDictionary()

    def get(self) -> AsyncValidator:
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
