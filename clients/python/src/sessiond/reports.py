"""Telling an observer of calls to a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sessiond.errors import SessiondError
from sessiond.observer import Observer, told
from sessiond.repeats import Attempts


@contextmanager
def reported(observer: Observer | None, request: Any, attempts: Attempts) -> Iterator[None]:
    """Tell of the call that is made in this context, however it ends; a caller that leaves is CANCELLED."""
    code, reason = "CANCELLED", ""
    try:
        yield
        code = "OK"
    except SessiondError as error:
        code, reason = error.code.name, error.reason
        raise
    finally:
        if observer is not None:
            told(
                observer.called,
                type(request).__name__.removesuffix("Request"),
                code=code,
                reason=reason,
                seconds=attempts.elapsed(),
                attempts=attempts.made,
            )
