"""Counting how validations were answered, and telling the observer."""

from __future__ import annotations

from typing import Final

from sessiond.memory import Memory
from sessiond.observer import Numbers, Observer, Outcome, WatchState, told
from sessiond.results import Rejection, Verdict
from sessiond.watch import Watch


class Counters:
    """Counts by outcome; without an observer nothing else is done."""

    def __init__(self, observer: Observer | None) -> None:
        self.by_outcome: Final = dict.fromkeys(Outcome, 0)
        self.is_observed: Final = observer is not None
        self._observer: Final = observer

    def count(self, outcome: Outcome, verdict: Verdict, seconds: float) -> None:
        """A validation was answered, `seconds` after it was asked for."""
        self.by_outcome[outcome] += 1
        if self._observer is not None:
            reason = verdict.reason if isinstance(verdict, Rejection) else ""
            told(self._observer.validated, outcome, accepted=reason == "", reason=reason, seconds=seconds)

    def enter(self, state: WatchState) -> None:
        """The watch is in another state."""
        if self._observer is not None:
            told(self._observer.watch_changed, state)

    def numbers(self, memory: Memory | None, watch: Watch | None) -> Numbers:
        """All of them as of now."""
        return Numbers(
            hits=self.by_outcome[Outcome.HIT],
            misses=self.by_outcome[Outcome.MISS],
            joined=self.by_outcome[Outcome.JOINED],
            bypassed=self.by_outcome[Outcome.BYPASSED],
            entries=len(memory.cache) if memory else 0,
            reconnects=watch.reconnects if watch else 0,
            watch_age=memory.watch_age if memory else None,
        )
