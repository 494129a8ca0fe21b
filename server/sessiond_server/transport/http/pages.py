"""What a page is: an answer that is made of nothing in a request but the forms that it may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from aiohttp import web


class Accepted(NamedTuple):
    """What a request takes, as its `Accept` and `Accept-Encoding` say it."""

    types: str
    encodings: str


Pages: TypeAlias = Mapping[str, Callable[[Accepted], Awaitable[web.Response]]]
