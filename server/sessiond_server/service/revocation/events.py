"""The latest events of the revocation log, for those who watch it, and for those who come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.failures import WatchFellBehindError
from sessiond_server.domain.revocation import Position, Revocation, chain_tag, to_revision
from sessiond_server.service.clock import Clock
from sessiond_server.service.revocation.waiters import Waiters
from sessiond_server.service.storage.revocations import LogPage

# So many are kept, and more of them where they are younger than this; but in no flood more than that.
KEPT_EVENTS: Final = 10_000
KEPT_SECONDS: Final = 5.0
MAX_EVENTS: Final = 100_000


@dataclass(slots=True, eq=False)
class Event:
    """A revocation as watchers are told of it.

    `position` is its place in the log, and `revision` what is known with it; an event of this server itself
    has neither. `encoded` is what the transport made of it, once for all watchers.
    """

    revocation: Revocation
    revision: str
    position: Position | None
    at: float
    encoded: bytes | None = None


class RevocationEvents:
    """What was appended to the log since this server follows it, as far back as it is held.

    Every new entry is an event, whether its revocation was known before or not. All watchers read the same
    events, each from its own place, so that one that is slow costs nothing but its place.
    """

    def __init__(self, *, clock: Clock, kept: int = KEPT_EVENTS, at_most: int = MAX_EVENTS) -> None:
        self._clock = clock
        self._kept = kept
        self._at_most = at_most
        self._events: deque[Event] = deque()
        # Events are numbered from the start of the server; the first that is held has this number.
        self._first = 0
        # How far each partition has been followed, and what lies before the first event that is held of it.
        # One that is being read anew is missing.
        self._positions: dict[int, Position] = {}
        self._floors: dict[int, Position] = {}
        self.revision = ""
        # It grows whenever what went before is worth nothing to watchers.
        self.epoch = 0
        self.waiters = Waiters()

    @property
    def end(self) -> int:
        """The number that the next event gets."""
        return self._first + len(self._events)

    @property
    def positions(self) -> Mapping[int, Position]:
        """How far each partition has been followed."""
        return self._positions

    def follow(self, page: LogPage) -> None:
        """Take in a page of the log.

        One that does not go on where the last one ended begins a new epoch, once it has been read to its end.
        """
        partition = page.position.partition
        positions = self._positions_in(page)
        if positions is None:
            self._positions.pop(partition, None)
            if page.reached_head:
                self._positions[partition] = page.position
                self.begin_anew()
            return
        for revocation, position in zip(page.revocations, positions, strict=True):
            self._positions[partition] = position
            self.revision = to_revision(self._positions.values())
            self._append(Event(revocation, self.revision, position, self._clock.steady()))
        if positions:
            self.waiters.wake_all()

    def add_own(self, revocations: Iterable[Revocation]) -> list[Event]:
        """Take in what this server itself has to tell, and no log has; the events of it."""
        events = [Event(revocation, "", None, self._clock.steady()) for revocation in revocations]
        for event in events:
            self._append(event)
        self.waiters.wake_all()
        return events

    def begin_anew(self) -> None:
        """Have every watcher drop what it has been told, as it may have missed something."""
        self._first = self.end
        self._events.clear()
        self._floors = dict(self._positions)
        self.revision = to_revision(self._positions.values())
        self.epoch += 1
        self.waiters.wake_all()

    def at(self, number: int) -> Event:
        """The event with this number; raises `WatchFellBehindError` where it is not held any more."""
        if number < self._first:
            raise WatchFellBehindError
        return self._events[number - self._first]

    def number_behind(self, after: Mapping[int, Position]) -> int | None:
        """The number of the first event that somebody may lack who knows everything up to `after`.

        None says that this cannot be told: it is of another log, or too long ago.
        """
        if after.keys() != self._positions.keys():
            return None
        lacking = {one for one, position in after.items() if position != self._positions[one]}
        if not all(self._is_held(after[one]) for one in lacking):
            return None
        number = self.end
        for event in reversed(self._events):
            position = event.position
            if position is not None and position == after.get(position.partition):
                lacking.discard(position.partition)
            if not lacking:
                break
            number -= 1
        return number if all(after[one] == self._floors[one] for one in lacking) else None

    def _is_held(self, position: Position) -> bool:
        """Whether it could be among the events that are held: most that are not need no search."""
        first, last = self._floors[position.partition], self._positions[position.partition]
        return first.number <= position.number < last.number

    def _positions_in(self, page: LogPage) -> list[Position] | None:
        """Where each entry of a page stands; None where the page does not go on from what was followed."""
        before = self._positions.get(page.position.partition)
        if before is None or not page.continues:
            return None
        positions = [before]
        for revocation in page.revocations:
            last = positions[-1]
            tag = chain_tag(last.tag, revocation.pack())
            positions.append(Position(last.incarnation, last.partition, last.number + 1, tag))
        return positions[1:] if positions[-1] == page.position else None

    def _append(self, event: Event) -> None:
        self._events.append(event)
        too_old = event.at - KEPT_SECONDS
        while len(self._events) > self._kept and (
            len(self._events) > self._at_most or self._events[0].at < too_old
        ):
            self._first += 1
            gone = self._events.popleft().position
            if gone is not None:
                self._floors[gone.partition] = gone


class EventReader:
    """The place of one watcher among the events, which begins behind what it knows.

    It knows everything up to `after`; None means that it knows nothing, and begins with what comes.
    """

    def __init__(self, events: RevocationEvents, after: Mapping[int, Position] | None = None) -> None:
        self._events = events
        self._after = after or {}
        self._opened_at = events.end
        found = events.number_behind(after) if after else events.end
        self._epoch = events.epoch if found is not None else None
        self._next = events.end if found is None else found

    def read(self) -> Event | None:
        """The next event; None where there is none for now.

        Raises:
            WatchFellBehindError: there is one that is not held any more.
        """
        while self._next < self._events.end:
            event, number = self._events.at(self._next), self._next
            self._next += 1
            if number >= self._opened_at or self._is_new(event):
                return event
        return None

    def begins_anew(self) -> bool:
        """Whether what the watcher knows is worth nothing now; if so, it goes on with what comes."""
        if self._epoch == self._events.epoch:
            return False
        self._epoch, self._next = self._events.epoch, self._events.end
        return True

    def _is_new(self, event: Event) -> bool:
        position = event.position
        known = self._after.get(position.partition) if position else None
        # Of a partition that is being read anew nothing is known, and a new epoch follows.
        return position is not None and known is not None and position.number > known.number
