"""Which calls are made again by themselves, and when."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Final

import grpc

from sessiond.errors import SessiondError
from sessiond.requests import Bearer

_ATTEMPTS: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Repeats:
    """Which failed calls of a method are made again.

    A repeat begins within `seconds` of the first attempt. `only_if_answered` leaves out those calls whose
    answer was lost, and which may have been carried out.
    """

    attempts: int = _ATTEMPTS
    seconds: float = float("inf")
    only_if_answered: bool = False


# What is asked may be asked again, and what has ended is not ended twice.
IDEMPOTENT: Final = Repeats()
NEVER: Final = Repeats(attempts=1)
# The grace, within which the same token gets the same successor, is 10 s unless configured.
_SECONDS_OF_GRACE: Final = 8


class Attempts:
    """The attempts of one call, which share one deadline; `timeout` is that of the whole in seconds.

    Raises:
        ValueError: `timeout` leaves no time at all.
    """

    def __init__(self, repeats: Repeats, timeout: float) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout: found {timeout}, allowed is more than 0 s")
        self._repeats = repeats
        self.made = 1
        self._began = time.monotonic()
        self._ends = self._began + timeout

    def remaining(self) -> float:
        """What is left of the deadline, in seconds."""
        return max(0.0, self._ends - time.monotonic())

    def elapsed(self) -> float:
        """How long the call has taken so far, in seconds."""
        return time.monotonic() - self._began

    def pause(self, error: SessiondError) -> float | None:
        """How many seconds to wait before the next attempt; None where `error` is the end.

        What sessiond says is obeyed. A repeat that would come too late is not waited for: the caller gets the
        server's reason at once, and not its own deadline's.
        """
        is_answered = bool(error.reason)
        if (
            error.code is not grpc.StatusCode.UNAVAILABLE
            or self.made >= self._repeats.attempts
            or (self._repeats.only_if_answered and not is_answered)
        ):
            return None
        pause = self._backoff()
        if is_answered and error.retry_after is not None:
            pause = error.retry_after.total_seconds()
        if time.monotonic() + pause >= min(self._ends, self._began + self._repeats.seconds):
            return None
        self.made += 1
        return pause

    def _backoff(self) -> float:
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * (1 << self.made - 1))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - it is no secret


def repeats_of_refresh(bearer: Bearer) -> Repeats:
    """Those of a refresh.

    A DPoP proof is good once (RFC 9449 section 11.1): an attempt that was lost may have spent it.
    """
    return Repeats(seconds=_SECONDS_OF_GRACE, only_if_answered=bearer.get("dpop") is not None)
