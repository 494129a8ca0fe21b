"""Running the watch on threads of its own: one that minds the time, and one for each stream."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Final, TypeAlias

import grpc

from sessiond.clocks import Clocks
from sessiond.errors import SessiondError, to_error
from sessiond.observer import WatchState
from sessiond.v1.session_service_pb2 import WatchRevocationsRequest
from sessiond.watch import Stream, Watch

# A call of WatchRevocations, which can be iterated and cancelled.
Open: TypeAlias = Callable[[WatchRevocationsRequest], Any]


class BlockingFollowing:
    """Opens and ends streams as the watch says, from the first call of `start` until `close`.

    `lock` is that of everything which the watch changes. The threads keep no process alive.
    """

    def __init__(
        self, watch: Watch, opener: Open, clocks: Clocks, lock: Lock, tell: Callable[[WatchState], None]
    ) -> None:
        self._watch = watch
        self._opener = opener
        self._clocks = clocks
        self._lock = lock
        self._tell = tell
        self._told: WatchState | None = None
        self._changed: Final = Event()
        self._calls: Final[dict[Stream, tuple[Any, Thread]]] = {}
        self._thread: Thread | None = None
        self._is_closed = False

    def start(self) -> None:
        """Follow from now on, if it is not done already."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is not None or self._is_closed:
                return
            self._thread = Thread(target=self._follow, name="sessiond-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every stream, and wait for the threads."""
        with self._lock:
            self._is_closed = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        clocks = self._clocks
        while not self._is_closed:
            self._changed.clear()
            with self._lock:
                due = self._watch.due(clocks.steady(), clocks.wall())
            for stream in due:
                self._begin(stream)
            self._end_others()
            self._tell_state()
            with self._lock:
                seconds = self._watch.wake_at() - clocks.steady()
            if not self._is_closed:
                self._changed.wait(max(0.0, seconds))
        for call, thread in self._calls.values():
            call.cancel()
            thread.join()

    def _begin(self, stream: Stream) -> None:
        try:
            call = self._opener(WatchRevocationsRequest(from_revision=stream.revision))
        except Exception:  # noqa: BLE001 - the channel was closed, or a key's function failed
            self._end(stream, None)
            return
        thread = Thread(target=self._read, args=(stream, call), name="sessiond-stream", daemon=True)
        self._calls[stream] = call, thread
        thread.start()

    def _end_others(self) -> None:
        for stream in [one for one in self._calls if one not in self._watch.streams]:
            call, thread = self._calls.pop(stream)
            call.cancel()
            thread.join()

    def _read(self, stream: Stream, call: Any) -> None:
        error: SessiondError | None = None
        try:
            for message in call:
                with self._lock:
                    now, wall = self._clocks.steady(), self._clocks.wall()
                    is_changed = self._watch.receive(stream, message, now, wall)
                if is_changed:
                    self._changed.set()
                self._tell_state()
        except grpc.RpcError as failure:
            error = to_error(failure)
        finally:
            self._end(stream, error)

    def _end(self, stream: Stream, error: SessiondError | None) -> None:
        with self._lock:
            self._watch.end(stream, error, self._clocks.steady())
        self._changed.set()
        self._tell_state()

    def _tell_state(self) -> None:
        """Without the lock: an observer may ask this client."""
        with self._lock:
            state = self._watch.state
            if state is None or state is self._told:
                return
            self._told = state
        self._tell(state)
