"""What a page is: an answer that is made of nothing in a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import web

Pages: TypeAlias = Mapping[str, Callable[[], web.Response]]
