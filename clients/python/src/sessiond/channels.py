"""The channel of a client, which is made anew when the files of its TLS have changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Generic, TypeAlias, TypeVar

from sessiond.v1.session_service_pb2_grpc import SessionServiceStub

C = TypeVar("C")
# Of each file when it was written, its size, and which one it is; None where it cannot be looked at.
_Versions: TypeAlias = tuple[tuple[int, int, int] | None, ...]
# gRPC keeps what it has read for the life of a channel. Between two looks so many seconds pass.
_LOOK_SECONDS: Final = 1.0


class Channels(Generic[C]):
    """Gives the channel for a call; `retire` takes one over whose calls may go on for a while.

    `make` raises an OSError or a ValueError where the files cannot be read: the channel of before stays then,
    and its connection with it.
    """

    def __init__(
        self,
        make: Callable[[], C],
        files: Sequence[Path],
        retire: Callable[[C], None],
        *,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._retire, self._steady = make, retire, steady
        self._files = tuple(files)
        self._lock = Lock()
        self._versions = _versions(files)
        self._looked_at = steady()
        self._channel = make()

    def get(self) -> C:
        """The channel of now."""
        if not self._files or self._steady() - self._looked_at < _LOOK_SECONDS:
            return self._channel
        with self._lock:
            return self._look()

    def last(self) -> C:
        """The channel of now, for whoever closes it: it is made anew no more."""
        with self._lock:
            self._files, self._versions = (), ()
            return self._channel

    def _look(self) -> C:
        versions, self._looked_at = _versions(self._files), self._steady()
        if versions == self._versions:
            return self._channel
        former = self._channel
        try:
            self._channel = self._make()
        except (OSError, ValueError):
            return former
        self._versions = versions
        self._retire(former)
        return self._channel


class Stub:
    """The methods of the service, each over the channel of now."""

    def __init__(self, channels: Channels[Any]) -> None:
        self._channels = channels
        self._made: tuple[Any, Any] = None, None

    def __getattr__(self, method: str) -> Any:
        channel = self._channels.get()
        # Both in one: threads that make it at the same time never leave one's channel with the other's stub.
        of, stub = self._made
        if channel is not of:
            # The generated stub has no types for its methods.
            stub = SessionServiceStub(channel)  # type: ignore[no-untyped-call]
            self._made = channel, stub
        return getattr(stub, method)


def _versions(files: Sequence[Path]) -> _Versions:
    return tuple(map(_version, files))


def _version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
