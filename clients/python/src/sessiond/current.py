"""The session of the request that is being served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from sessiond.results import Session

T = TypeVar("T")
_CURRENT: Final[ContextVar[Session | None]] = ContextVar("sessiond_session", default=None)


def current_session() -> Session | None:
    """The session of the request, or call, that this task or thread serves.

    It is None where the route needs none, and outside of a request.
    """
    return _CURRENT.get()


def enter(session: Session | None) -> None:
    """Serve with a session, or with none, from now on, or until what `serving` surrounds ends."""
    _CURRENT.set(session)


def serving(session: Session | None) -> AbstractContextManager[None]:
    """Serve with a session, or with none, whatever surrounds it."""
    return holding(_CURRENT, session)


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Have a variable of requests hold a value, and afterwards what it held before."""
    before = variable.get()
    variable.set(value)
    try:
        yield
    finally:
        # No token is kept for it: a generator may be closed in another context than it was begun in.
        variable.set(before)
