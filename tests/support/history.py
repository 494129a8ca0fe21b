"""What callers saw of sessions while faults were injected, and what of it breaks a promise.

All moments are seconds of one steady clock: the callers are in one process.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Operation(StrEnum):
    """What a caller asked for."""

    CREATE = "create"
    VALIDATE = "validate"
    REFRESH = "refresh"
    REVOKE = "revoke"


class Outcome(StrEnum):
    """What the answer was; UNKNOWN where there was none, or one that decides nothing."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Way(StrEnum):
    """How a validation asked."""

    PLAIN = "plain"
    CACHED = "cached"
    AT_LEAST = "at least as fresh"
    FULLY = "fully consistent"


@dataclass(frozen=True)
class Event:
    """One call about one session at one server: DONE is accepted, rotated or ended, by its operation.

    `reason` is that of a refusal.
    """

    operation: Operation
    session: int
    server: int
    invoked: float
    completed: float
    outcome: Outcome
    way: Way = Way.PLAIN
    reason: str = ""


@dataclass(frozen=True)
class Interval:
    """From when until when something was so; `server` is None where it was so for every server."""

    begun: float
    ended: float
    server: int | None = None

    def covers(self, event: Event) -> bool:
        """Whether the call began and ended within it."""
        concerns = self.server is None or self.server == event.server
        return concerns and self.begun < event.invoked and event.completed < self.ended


@dataclass
class History:
    """Everything that callers saw, and what was done to the servers and their store meanwhile.

    In `outages` the store could not be reached. In `losses` it may not have what it had acknowledged: until
    it is repaired, refreshes may succeed that should not; from then on sessions may be gone.
    """

    max_staleness_seconds: float = 1.0
    events: list[Event] = field(default_factory=list)
    outages: list[Interval] = field(default_factory=list)
    losses: list[Interval] = field(default_factory=list)
    notes: list[tuple[float, str]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Keep it: a line for each note and event, in the order of their moments."""
        lines = [(at, {"at": at, "note": note}) for at, note in self.notes]
        lines += [(event.invoked, dataclasses.asdict(event)) for event in self.events]
        lines.sort(key=lambda line: line[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for _, line in lines))

    def by_session(self) -> Iterator[list[Event]]:
        """The events of each session, in the order of their beginnings."""
        found: dict[int, list[Event]] = defaultdict(list)
        for event in sorted(self.events, key=lambda event: event.invoked):
            found[event.session].append(event)
        yield from found.values()


def violations(history: History) -> list[str]:
    """Every call that breaks a promise, with the promise's name."""
    found: list[str] = []
    for events in history.by_session():
        ends = [event for event in events if event.operation is Operation.REVOKE]
        acknowledged = min((one.completed for one in ends if one.outcome is Outcome.DONE), default=None)
        wanted = min((one.invoked for one in ends), default=None)
        for event in events:
            broken = _broken(history, event, acknowledged=acknowledged, wanted=wanted)
            if broken:
                found.append(f"{broken}: {event}; ended at {acknowledged}, which was wanted at {wanted}")
    return found


def _broken(
    history: History, event: Event, *, acknowledged: float | None, wanted: float | None
) -> str | None:
    match event.operation, event.outcome:
        case Operation.VALIDATE, Outcome.DONE:
            return _broken_by_acceptance(history, event, acknowledged)
        case Operation.REFRESH, Outcome.DONE:
            is_late = acknowledged is not None and event.invoked > acknowledged
            may_be = any(loss.begun < event.completed < loss.ended for loss in history.losses)
            return "G3, a revoked session was refreshed" if is_late and not may_be else None
        case ((Operation.VALIDATE | Operation.REFRESH), Outcome.REFUSED):
            was_wanted = wanted is not None and wanted < event.completed
            may_be_gone = event.operation is Operation.REFRESH and any(
                event.completed > loss.begun for loss in history.losses
            )
            return None if was_wanted or may_be_gone else "a session was refused that nobody had ended"
        case _:
            return None


def _broken_by_acceptance(history: History, event: Event, acknowledged: float | None) -> str | None:
    staleness = history.max_staleness_seconds
    for outage in history.outages:
        if Interval(outage.begun + staleness, outage.ended, outage.server).covers(event):
            return "G8, an answer without the store, and older than it may be"
    if acknowledged is None:
        return None
    # Calls that demand more than what is known have the window shrunk to nothing.
    window = 0.0 if event.way in (Way.AT_LEAST, Way.FULLY) else staleness
    if event.invoked > acknowledged + window:
        return "G2, a revoked token was accepted" if window == 0 else "G1, a revoked token was accepted"
    return None


def delays(history: History) -> dict[Way, list[float]]:
    """How long after its revocation a token was accepted last, in seconds, for each way; 0 for never."""
    found: dict[Way, list[float]] = defaultdict(list)
    for events in history.by_session():
        ends = [one for one in events if one.operation is Operation.REVOKE and one.outcome is Outcome.DONE]
        if not ends:
            continue
        acknowledged = min(one.completed for one in ends)
        for way in {one.way for one in events if one.operation is Operation.VALIDATE}:
            accepted = [
                one.invoked - acknowledged
                for one in events
                if one.operation is Operation.VALIDATE and one.way is way and one.outcome is Outcome.DONE
            ]
            found[way].append(max(0.0, *accepted, 0.0))
    return found


def summary(history: History) -> str:
    """How many calls there were, and how late tokens were accepted after their revocation."""
    counts: dict[str, int] = defaultdict(int)
    for event in history.events:
        counts[f"{event.operation} {event.outcome}"] += 1
    lines = [", ".join(f"{count} {what}" for what, count in sorted(counts.items()))]
    for way, found in sorted(delays(history).items()):
        ordered = sorted(found)
        slowest = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
        lines.append(
            f"{way}: accepted for {median(ordered) * 1000:.0f} ms after the revocation in the median, "
            f"{slowest * 1000:.0f} ms at the 99th percentile and {ordered[-1] * 1000:.0f} ms at worst, "
            f"of {len(ordered)}"
        )
    return "\n".join(lines)


def merged(histories: Iterable[History]) -> History:
    """One history of many, whose sessions stay apart."""
    found, offset = History(), 0
    for history in histories:
        highest = max((event.session for event in history.events), default=0)
        found.events += [dataclasses.replace(one, session=one.session + offset) for one in history.events]
        offset += highest + 1
    return found
