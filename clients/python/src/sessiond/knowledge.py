"""What a client knows of revocations, and how fresh that is. Nothing here reads a clock or the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

# How long an event is remembered, in seconds, and so how long an acceptance may be kept at most.
RETENTION: Final = 300.0
# More events than this within that time are not told apart: everything that is kept goes.
MOST_EVENTS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Freshness:
    """Everything revoked before `known` has been heard of; what is kept may be repeated before `until`.

    Both are of the steady clock; `skew` is by how much that of the wall was ahead of it.
    """

    known: float
    until: float
    skew: float

    def left(self, now: float, wall: float) -> float:
        """For how many seconds more one may answer from memory, by the clock that has gone further."""
        return self.until - max(now, wall - self.skew)


STALE: Final = Freshness(known=-inf, until=-inf, skew=0.0)


class Knowledge:
    """Revocations as this client learnt them: from the watch, from its own commands, from rejections.

    `epoch` counts how often everything had to be forgotten: what was asked before is not kept.
    `generation` counts that and this client's own revocations: a call under way from before is not joined.
    `sequence` counts everything that can hit what is kept.

    Threads may read without a lock: what a heartbeat vouches for is applied before `freshness` moves, and an
    event is remembered before `sequence` moves.
    """

    def __init__(self) -> None:
        self.freshness = STALE
        self.max_staleness = 0.0
        self.configuration = ""
        self.covered_since = inf
        self.epoch = 0
        self.generation = 0
        self.sequence = 0
        self._remembered_since = -inf
        self._heard: dict[bytes, float] = {}
        self._withdrawn: dict[bytes, float] = {}
        self._order: deque[tuple[float, bytes]] = deque()

    def hear(self, hashed_id: bytes, now: float) -> None:
        """Something was revoked: whatever was asked about it before `now` is not repeated."""
        self._prune(now)
        if len(self._order) >= MOST_EVENTS:
            self._order.clear()
            self._heard.clear()
            self._withdrawn.clear()
            self._remembered_since = now
            self.forget()
        self._heard[hashed_id] = now
        self._order.append((now, hashed_id))
        self.sequence += 1

    def withdraw(self, key: bytes, now: float) -> None:
        """A signing key has gone: nothing that it signed is kept, as long as this is remembered.

        Another server may not have noticed yet, and still accept.
        """
        self._withdrawn[key] = now
        self.hear(key, now)

    def end(self, hashed_ids: Iterable[bytes], now: float) -> None:
        """This client has ended something itself: the next call must see it."""
        for hashed_id in hashed_ids:
            self.hear(hashed_id, now)
        self.generation += 1

    def forget(self) -> None:
        """Drop everything that is kept, and what is under way."""
        self.epoch += 1
        self.generation += 1
        self.sequence += 1

    def cover(self, now: float) -> None:
        """A stream begins here, without what was before: only what is asked from now on is covered."""
        if self.is_watched:
            self.forget()
        self.covered_since = now

    def follow(self, configuration: str) -> None:
        """A server decides by this configuration; under another one than before nothing is repeated."""
        if configuration != self.configuration:
            self.configuration = configuration
            self.forget()

    def refresh(self, freshness: Freshness) -> None:
        """A heartbeat vouches for more, or for what is known already."""
        if freshness.until > self.freshness.until:
            self.freshness = freshness

    def doubt(self) -> None:
        """The clocks by which freshness was reckoned cannot be trusted."""
        self.freshness = STALE

    def is_hit(self, hashed_ids: Iterable[bytes], since: float) -> bool:
        """Whether any of these was heard of at `since` or later."""
        heard = self._heard
        return any(heard.get(hashed_id, -inf) >= since for hashed_id in hashed_ids)

    def has_heard(self, hashed_id: bytes) -> bool:
        """Whether this is remembered to be revoked."""
        return hashed_id in self._heard

    def is_withdrawn(self, key: bytes) -> bool:
        """Whether a key is known to have gone."""
        return key in self._withdrawn

    def remembers(self, since: float, now: float) -> bool:
        """Whether everything heard from `since` on is still remembered."""
        return since >= self._remembered_since and since > now - RETENTION

    def covers(self, since: float, configuration: str) -> bool:
        """Whether every later revocation of what was known at `since` is heard of."""
        return configuration != "" and since >= self.covered_since

    @property
    def is_watched(self) -> bool:
        """Whether a server has told of revocations at all."""
        return self.covered_since != inf

    def is_decided_alike(self, configuration: str) -> bool:
        """Whether an answer was decided by the configuration that the watch tells of, if there is one."""
        return self.configuration in ("", configuration)

    def _prune(self, now: float) -> None:
        order = self._order
        while order and order[0][0] < now - RETENTION:
            at, hashed_id = order.popleft()
            for known in (self._heard, self._withdrawn):
                if known.get(hashed_id) == at:
                    del known[hashed_id]
