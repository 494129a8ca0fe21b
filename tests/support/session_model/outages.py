"""When the store could not be used, and for how long that keeps the window of a spent token open."""

from __future__ import annotations

from dataclasses import dataclass, field

NOTABLE_MS = 1_000
LONGEST_PAUSE_MS = 300_000


@dataclass
class Outages:
    """The gaps between what somebody has heard, by the store's clock."""

    last_ms: int | None = None
    known: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, now_ms: int) -> None:
        self.known += self.current(now_ms)
        self.last_ms = now_ms

    def current(self, now_ms: int) -> list[tuple[int, int]]:
        """The gap that goes on, if it is one."""
        if self.last_ms is None or now_ms - self.last_ms < NOTABLE_MS:
            return []
        return [(self.last_ms, now_ms)]

    def until(self, now_ms: int) -> list[tuple[int, int]]:
        return self.known + self.current(now_ms)


def pause_of_window(spent_ms: int, closes_ms: int, outages: list[tuple[int, int]]) -> int:
    """How long the window of a token is prolonged that was spent then and whose grace ended at `closes_ms`.

    What counts of an outage that began within the grace is all of it behind the spending, once.
    """
    covered = [(max(began, spent_ms), ended) for began, ended in outages if began < closes_ms]
    total, counted_to = 0, spent_ms
    for began, ended in sorted(covered):
        total += max(0, ended - max(began, counted_to))
        counted_to = max(counted_to, ended)
    return min(total, LONGEST_PAUSE_MS)
