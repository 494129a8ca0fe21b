"""A refresh token is spent once at a time, for all who bring it from the same device.

Another device is another matter: the server would not give it the same tokens, and nor must this. Whoever
leaves does not end a refresh: its answer would be lost, and the token is spent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Final

import grpc

from sessiond.errors import Details, UnavailableError
from sessiond.requests import Bearer
from sessiond.results import Tokens

# What strangers who leave at once can have under way.
_MOST: Final = 1_024
_A_SECOND: Final = timedelta(seconds=1)


class AsyncFlights:
    """Those of one event loop."""

    def __init__(self) -> None:
        self._flying: Final[dict[bytes, asyncio.Task[Tokens]]] = {}

    async def join(self, key: bytes, refresh: Callable[[], Awaitable[Tokens]]) -> Tokens:
        """Join the refresh of the same token by the same device, or make it."""
        task = self._flying.get(key)
        if task is None:
            if len(self._flying) >= _MOST:
                raise too_many()
            task = self._flying[key] = asyncio.ensure_future(refresh())
            task.add_done_callback(lambda _: self._flying.pop(key, None))
        return await asyncio.shield(task)


class Flights:
    """Those of threads."""

    def __init__(self) -> None:
        self._flying: Final[dict[bytes, Future[Tokens]]] = {}
        self._lock: Final = threading.Lock()

    def join(self, key: bytes, refresh: Callable[[], Tokens]) -> Tokens:
        """Join the refresh of the same token by the same device, or make it."""
        with self._lock:
            future = self._flying.get(key)
            is_first = future is None
            if future is None:
                if len(self._flying) >= _MOST:
                    raise too_many()
                future = self._flying[key] = Future()
        if is_first:
            try:
                future.set_result(refresh())
            except BaseException as error:  # noqa: BLE001 - it is for all who wait
                future.set_exception(error)
            finally:
                with self._lock:
                    del self._flying[key]
        return future.result()


def key_of(refresh_token: str, bearer: Bearer) -> bytes:
    """What the server recognises a repeated refresh by. No token is in it."""
    device, certificate = bearer.get("device"), bearer.get("certificate_sha256", b"")
    told = (device.user_agent, device.label) if device else ("", "")
    return hashlib.sha256(json.dumps([refresh_token, *told, certificate.hex()]).encode()).digest()


def too_many() -> UnavailableError:
    """More sessions are refreshed at once than there is room for."""
    text = "too many sessions are refreshed at once"
    return UnavailableError(grpc.StatusCode.RESOURCE_EXHAUSTED, text, Details("", {}, _A_SECOND))
