"""Memory for very many entries, which is not the process's own."""

from __future__ import annotations

from typing import Protocol

from typing_extensions import override


class Space(Protocol):
    """Where packed entries lie; both methods raise `OSError`.

    What is read has been written before, and is what was last written there: nobody else has access to it.
    What was never written takes no room, even where something behind it was.
    """

    def write(self, at: int, packed: bytes) -> None:
        """Put bytes at an offset."""

    def read(self, at: int, size: int) -> bytes:
        """The bytes at an offset."""


class Region(Space):
    """A space of its own within another one, from `start` on."""

    def __init__(self, space: Space, *, start: int) -> None:
        self._space = space
        self._start = start

    @override
    def write(self, at: int, packed: bytes) -> None:
        self._space.write(self._start + at, packed)

    @override
    def read(self, at: int, size: int) -> bytes:
        return self._space.read(self._start + at, size)
