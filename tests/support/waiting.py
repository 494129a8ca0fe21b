"""Waiting for what other processes do: bounded, and no longer than it takes."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

POLL_SECONDS = 0.01


@overload
async def eventually(predicate: Callable[[], Awaitable[T]], timeout: float = ...) -> T: ...  # noqa: ASYNC109
@overload
async def eventually(predicate: Callable[[], T], timeout: float = ...) -> T: ...  # noqa: ASYNC109
async def eventually(predicate: Callable[[], Any], timeout: float = 5) -> Any:  # noqa: ASYNC109
    """The first truthy value of `predicate`, which may be async.

    An AssertionError is raised after `timeout` seconds.
    """
    give_up = asyncio.get_running_loop().time() + timeout
    while True:
        found = predicate()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if asyncio.get_running_loop().time() > give_up:
            raise AssertionError(f"not within {timeout} s: {getattr(predicate, '__name__', predicate)}")
        await asyncio.sleep(POLL_SECONDS)
