"""Running the watch on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias

import grpc

from sessiond.clocks import Clocks
from sessiond.errors import SessiondError, to_error
from sessiond.observer import WatchState
from sessiond.v1.session_service_pb2 import WatchRevocationsRequest
from sessiond.watch import Stream, Watch

# A call of WatchRevocations.
Open: TypeAlias = Callable[[WatchRevocationsRequest], AsyncIterator[Any]]


class AsyncFollowing:
    """Opens and ends streams as the watch says, from the first call of `start` until `close`."""

    def __init__(
        self, watch: Watch, opener: Open, clocks: Clocks, tell: Callable[[WatchState], None]
    ) -> None:
        self._watch = watch
        self._opener = opener
        self._clocks = clocks
        self._tell = tell
        self._told: WatchState | None = None
        self._changed: Final = asyncio.Event()
        self._streams: Final[dict[Stream, asyncio.Task[None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def start(self) -> None:
        """Follow from now on, if it is not done already, and until it is closed."""
        if self._task is None and not self._is_closed:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """End every stream."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            # A task that was cancelled holds the frames that it was in, and so their calls, and a call holds
            # its connection open.
            self._task = None

    async def _follow(self) -> None:
        try:
            while True:
                self._changed.clear()
                clocks = self._clocks
                for stream in self._watch.due(clocks.steady(), clocks.wall()):
                    self._streams[stream] = asyncio.get_running_loop().create_task(self._read(stream))
                self._end_others()
                self._tell_state()
                await self._rest(self._watch.wake_at() - clocks.steady())
        finally:
            for task in self._streams.values():
                task.cancel()
            await asyncio.gather(*self._streams.values(), return_exceptions=True)
            self._streams.clear()

    def _end_others(self) -> None:
        for stream in [one for one in self._streams if one not in self._watch.streams]:
            self._streams.pop(stream).cancel()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _read(self, stream: Stream) -> None:
        error: SessiondError | None = None
        try:
            async for message in self._opener(WatchRevocationsRequest(from_revision=stream.revision)):
                if self._watch.receive(stream, message, self._clocks.steady(), self._clocks.wall()):
                    self._changed.set()
                self._tell_state()
        except grpc.aio.AioRpcError as failure:
            error = to_error(failure)
        except Exception:  # noqa: BLE001 - such as of a key's function: the next attempt may do better
            error = None
        finally:
            self._watch.end(stream, error, self._clocks.steady())
            self._changed.set()
            self._tell_state()

    def _tell_state(self) -> None:
        state = self._watch.state
        if state is not None and state is not self._told:
            self._told = state
            self._tell(state)
