"""What belongs to the process that made it, such as a connection: the child of a fork has its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes something at once, and once more in each child process that asks for it.

    What the parent made is left alone in the child: locks may be held that nobody there will release.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = make()
        self._lock = Lock()
        self._inherited: Final[list[T | None]] = []
        _ALL.add(self)

    def get(self) -> T:
        """That of this process."""
        made = self._made
        if made is None:
            with self._lock:
                made = self._made = self._made or self._make()
        return made

    def renew(self) -> None:
        """This is a child process now."""
        self._inherited.append(self._made)
        self._made = None
        self._lock = Lock()


_ALL: Final[WeakSet[PerProcess[Any]]] = WeakSet()


def _renew_all() -> None:
    for one in tuple(_ALL):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
