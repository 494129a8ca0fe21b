"""Everything that watchers are told. A revision is how many events there were."""

from __future__ import annotations

from datetime import datetime
from threading import Condition
from typing import Final

from sessiond.testing.names import CONFIGURATION, LONGEST_LIFETIME, MAX_STALENESS
from sessiond.v1.session_pb2 import Revocation
from sessiond.v1.session_service_pb2 import WatchRevocationsResponse

_PREFIX: Final = "sessiond.testing-"


class EventLog:
    """Its lock is that of everything that the fake remembers; whoever waits for more is woken by it."""

    def __init__(self, changed: Condition) -> None:
        self.events: Final[list[WatchRevocationsResponse]] = []
        self._changed: Final = changed

    @property
    def revision(self) -> str:
        """That of now."""
        return to_revision(len(self.events))

    def revoke(self, kind: str, hashed_id: bytes, now: datetime) -> Revocation:
        """Tell watchers of a revocation; what is returned is for who asked for it, without a revision."""
        told = Revocation(type=f"REVOCATION_TYPE_{kind.upper()}", hashed_id=hashed_id)
        told.expire_time.FromDatetime(now + LONGEST_LIFETIME)
        event = WatchRevocationsResponse(revocation=told)
        event.revocation.revision = to_revision(len(self.events) + 1)
        self._append(event)
        return told

    def reset(self) -> None:
        """Have watchers forget everything that they keep."""
        reset = {"revision": to_revision(len(self.events) + 1), "configuration": CONFIGURATION}
        self._append(WatchRevocationsResponse(reset=reset))

    def _append(self, event: WatchRevocationsResponse) -> None:
        self.events.append(event)
        self._changed.notify_all()


def to_revision(events: int) -> str:
    """The revision of so many events."""
    return f"{_PREFIX}{events}"


def from_revision(revision: str, events: int) -> int | None:
    """How many events a revision stands for, at most `events`; None for what is none."""
    number = revision.removeprefix(_PREFIX)
    if not revision.startswith(_PREFIX) or not (number.isascii() and number.isdigit()):
        return None
    return int(number) if int(number) <= events else None


def started(place: int) -> WatchRevocationsResponse:
    """The first message of a stream, which begins behind so many events."""
    told = WatchRevocationsResponse()
    told.started.revision = to_revision(place)
    told.started.configuration = told.started.server = CONFIGURATION
    told.started.max_staleness.FromTimedelta(MAX_STALENESS)
    return told


def fresh(place: int, since_start: float) -> WatchRevocationsResponse:
    """A heartbeat: what happened so far was told `since_start` seconds after the stream began."""
    told = WatchRevocationsResponse()
    told.freshness.revision = to_revision(place)
    told.freshness.age.FromNanoseconds(0)
    told.freshness.since_start.FromNanoseconds(int(since_start * 1e9))
    return told
