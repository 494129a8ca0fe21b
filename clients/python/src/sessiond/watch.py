"""Following the revocations: which stream is open, what its messages mean, when there has to be another.

Nothing here reads a clock or the network: whoever runs this opens and ends streams as it says, and hands it
what comes. `Stream.opened` has to be read before the call is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration

from sessiond import hashed_ids
from sessiond.errors import SessiondError
from sessiond.knowledge import Freshness, Knowledge
from sessiond.observer import WatchState
from sessiond.v1 import session_pb2, session_service_pb2

# Two steady clocks drift apart: none is followed by one anchor for longer than the longer of these.
SHORTEST_LIFE: Final = 60.0
LONGEST_LIFE: Final = 240.0
# A stream that says nothing for so long, or is no better than the one that it is to replace, is given up.
PATIENCE: Final = 3.0
# Clocks that disagree by more than this have jumped, or stood still.
MOST_DISAGREEMENT: Final = 1.0
_LATE_IN_A_ROW: Final = 3
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 1.0
_FIRST_LATE_PAUSE, _LAST_LATE_PAUSE = 1.0, 30.0
_REFUSED_PAUSE: Final = 30.0
_REFUSALS: Final = frozenset({grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED})

Message = session_service_pb2.WatchRevocationsResponse


@dataclass(slots=True, eq=False)
class Stream:
    """One call of WatchRevocations: the revision from which it was opened, then the last that it gave."""

    opened: float
    skew: float  # by how much the wall's clock was ahead of the steady one then
    replace_at: float
    revision: str
    is_resumed: bool
    has_started: bool = False
    max_staleness: float = 0.0
    heard: float = -inf
    late: int = 0


class Watch:
    """Keeps one stream open, and opens the next before it closes the last.

    `streams` are those that are to be open: the call of any other is to be ended.
    """

    def __init__(self, knowledge: Knowledge, random: Callable[[], float]) -> None:
        self.streams: list[Stream] = []
        self.reconnects = 0
        self.state: WatchState | None = None
        self._knowledge = knowledge
        self._random = random
        self._revision = ""
        self._open_at = -inf
        self._pause = 0.0
        self._late_pause = _FIRST_LATE_PAUSE
        self._replace_late_from = -inf

    def due(self, now: float, wall: float) -> Sequence[Stream]:
        """The streams to be opened now."""
        for stream in [one for one in self.streams if now >= self._given_up_at(one)]:
            self._lose(stream, now)
        current = self.streams[0] if self.streams else None
        if current is None:
            return [self._open(now, wall, self._revision)] if now >= self._open_at else []
        if len(self.streams) > 1 or now < current.replace_at:
            return []
        return [self._open(now, wall, current.revision)]

    def wake_at(self) -> float:
        """When `due` has to be asked next, unless something comes before."""
        if not self.streams:
            return self._open_at
        soonest = min(map(self._given_up_at, self.streams))
        return soonest if len(self.streams) > 1 else min(soonest, self.streams[0].replace_at)

    def receive(self, stream: Stream, message: Message, now: float, wall: float) -> bool:
        """Apply what came on a stream; True says that `due` has to be asked again."""
        if stream not in self.streams:
            return True
        before = (*self.streams, stream.replace_at)
        stream.heard = now
        event = message.WhichOneof("event")
        if event == "started":
            self._start(stream, message.started, now)
        elif not stream.has_started:
            self._lose(stream, now)
        elif event == "freshness":
            self._beat(stream, message.freshness, now, wall)
        elif event == "revocation":
            self._revoke(stream, message.revocation, now)
        else:  # a reset, or what a newer server says: it may have meant anything
            self._reset(stream, message.reset if event == "reset" else None, now)
        return before != (*self.streams, stream.replace_at)

    def end(self, stream: Stream, error: SessiondError | None, now: float) -> None:
        """A stream has ended by itself, or could not be opened."""
        if stream not in self.streams:
            return
        if error is not None and error.code is grpc.StatusCode.INVALID_ARGUMENT:
            stream.revision = ""  # not one of this store's: from now on, without what was before
        self._lose(stream, now)
        if self.streams or error is None:
            return
        if error.code in _REFUSALS or error.reason == "WATCHERS_EXHAUSTED":
            self._open_at = now + _REFUSED_PAUSE * (1 + self._random() / 10)
            self.state = WatchState.REFUSED
        elif error.reason and error.retry_after is not None:
            self._open_at = max(self._open_at, now + error.retry_after.total_seconds())

    def _open(self, now: float, wall: float, revision: str) -> Stream:
        life = SHORTEST_LIFE + (LONGEST_LIFE - SHORTEST_LIFE) * self._random()
        stream = Stream(now, wall - now, now + life, revision, is_resumed=revision != "")
        self.streams.append(stream)
        return stream

    def _given_up_at(self, stream: Stream) -> float:
        """A stream that is to replace another has to prove better in time."""
        if stream is self.streams[0]:
            return max(stream.opened, stream.heard) + PATIENCE
        return stream.opened + PATIENCE

    def _lose(self, stream: Stream, now: float) -> None:
        """Give up a stream; where it was the only one, the next is opened after a pause that grows."""
        is_replacement = stream is not self.streams[0]
        self.streams.remove(stream)
        if is_replacement:
            self._replace_late_from = self.streams[0].replace_at = now + self._next_late_pause()
        elif not self.streams:
            self._revision = stream.revision
            self.reconnects += 1
            # A server that goes away sends all its watchers away at once.
            self._open_at = now + (self._pause or _FIRST_PAUSE * self._random())
            self._pause = min(_LAST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
            if self.state is not WatchState.REFUSED:
                self.state = WatchState.LOST

    def _start(self, stream: Stream, started: session_service_pb2.Started, now: float) -> None:
        stream.has_started = True
        stream.max_staleness = self._knowledge.max_staleness = _seconds(started.max_staleness)
        self._knowledge.follow(started.configuration)
        if not stream.is_resumed or not self._knowledge.is_watched:
            self._knowledge.cover(now)
        stream.revision = started.revision or stream.revision

    def _reset(self, stream: Stream, reset: session_service_pb2.Reset | None, now: float) -> None:
        self._knowledge.cover(now)
        if reset is not None:
            stream.revision = reset.revision
            self._knowledge.follow(reset.configuration)

    def _revoke(self, stream: Stream, revocation: session_pb2.Revocation, now: float) -> None:
        kind, hashed_id = hashed_ids.KINDS.get(revocation.type), revocation.hashed_id
        if kind is None or len(hashed_id) != hashed_ids.SIZE:
            self._reset(stream, None, now)
        elif kind == hashed_ids.KEY:
            self._knowledge.withdraw(hashed_id, now)
        else:
            self._knowledge.hear(hashed_id, now)
        stream.revision = revocation.revision or stream.revision

    def _beat(self, stream: Stream, freshness: session_pb2.Freshness, now: float, wall: float) -> None:
        known, skew = self._known(stream, freshness), wall - now
        if known > now or abs(skew - stream.skew) > MOST_DISAGREEMENT:
            self._void(now)
            return
        stream.revision = freshness.revision or stream.revision
        is_news = known > self._knowledge.freshness.known
        self._knowledge.refresh(Freshness(known, known + stream.max_staleness, skew))
        if now < known + stream.max_staleness:
            self._pause = 0.0
            self.state = WatchState.FRESH
        self._judge(stream, is_late=now - known > stream.max_staleness / 2, now=now)
        if is_news and stream is not self.streams[0]:
            self.streams = [stream]

    def _known(self, stream: Stream, freshness: session_pb2.Freshness) -> float:
        """Up to when everything is known; never reckoned from when the heartbeat came."""
        # It was sent no earlier than `opened` plus `since_start`: time on the way only makes it less sure.
        return stream.opened + _seconds(freshness.since_start) - _seconds(freshness.age)

    def _judge(self, stream: Stream, *, is_late: bool, now: float) -> None:
        """A delay while opening stays for a stream's life: one that is late for long is replaced."""
        stream.late = stream.late + 1 if is_late else 0
        if not is_late:
            self._late_pause = _FIRST_LATE_PAUSE
        elif stream.late >= _LATE_IN_A_ROW and now >= self._replace_late_from:
            stream.late = 0
            stream.replace_at = now
            self._replace_late_from = now + self._next_late_pause()

    def _next_late_pause(self) -> float:
        pause, self._late_pause = self._late_pause, min(_LAST_LATE_PAUSE, 2 * self._late_pause)
        return pause * (1 + self._random() / 10)

    def _void(self, now: float) -> None:
        """The clocks were suspended or set: what was reckoned by them is worth nothing."""
        self._knowledge.doubt()
        self.state = WatchState.LOST
        self._revision = self.streams[0].revision
        self.streams = []
        self._open_at = now


def _seconds(span: Duration) -> float:
    return float(span.seconds) + span.nanos / 1e9
