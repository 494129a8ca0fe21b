"""What a client tells of itself: numbers that it keeps, and an observer that is told as it happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

_LOGGER: Final = logging.getLogger("sessiond")
# Where the histograms of calls have their bounds, in seconds.
DURATION_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 12)


class Outcome(StrEnum):
    """How a validation was answered."""

    HIT = "HIT"  # from memory
    MISS = "MISS"  # by a call of its own, alone or among others
    JOINED = "JOINED"  # by a call for the same token that was under way
    BYPASSED = "BYPASSED"  # by a call past the cache: with a proof or a consistency of its own


class WatchState(StrEnum):
    """How the stream of revocations is doing."""

    FRESH = "FRESH"  # what is kept may be repeated
    LOST = "LOST"  # no stream is open: it is opened again
    REFUSED = "REFUSED"  # the server has none for this caller: it is asked again every 30 s


class Observer:
    """Told as it happens, on the thread where it happens: be quick, and raise nothing.

    Override what you need. No token, no subject and no key is told.
    """

    def validated(self, outcome: Outcome, *, accepted: bool, reason: str, seconds: float) -> None:
        """A token has got its verdict; `reason` is that of a rejection."""

    def called(self, method: str, *, code: str, reason: str, seconds: float, attempts: int) -> None:
        """A call to a server has ended, with all its attempts; the stream of revocations is none.

        `method` is such as ValidateToken, `code` the name of its status, `reason` that of a `SessiondError`.
        """

    def watch_changed(self, state: WatchState) -> None:
        """The stream of revocations is in another state than before."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a client has done so far, and what it keeps now.

    `watch_age` is how many seconds ago everything that was revoked was known; None where nothing is, or as
    long as nothing is kept. `reconnects` counts streams that had to be opened because one had ended.
    """

    hits: int
    misses: int
    joined: int
    bypassed: int
    entries: int
    reconnects: int
    watch_age: float | None


class Source(Protocol):
    """Has numbers: a client of either kind."""

    @property
    def numbers(self) -> Numbers:
        """What has been done so far, and what is kept."""
        ...


def told(tell: Callable[..., None], *arguments: Any, **fields: Any) -> None:
    """Tell an observer; what it raises harms nobody else."""
    try:
        tell(*arguments, **fields)
    except Exception:
        _LOGGER.exception("an observer failed")
