"""Acceptances that a client keeps, and when it may repeat them. Nothing here reads a clock or the network."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf
from typing import Final

from sessiond.knowledge import RETENTION, Knowledge
from sessiond.results import Session

# What an entry takes beside what came over the wire, which takes about twice its size once it is decoded.
_ENTRY_BYTES: Final = 2_000
# So many of the oldest entries are looked at for each new one, so that what has expired goes by itself.
_SWEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Cache:
    """How much a client may keep: acceptances alone, and no token among them.

    Raises:
        ValueError: a bound is below 1.
    """

    max_entries: int = 10_000
    max_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for name in ("max_entries", "max_bytes"):
            found = getattr(self, name)
            if not isinstance(found, int) or isinstance(found, bool) or found < 1:
                raise ValueError(f"{name}: found {found!r}, allowed is a whole number from 1 on")


DEFAULT_CACHE: Final = Cache()


@dataclass(frozen=True, slots=True)
class Asked:
    """When a call was sent, by both clocks, and in which epoch of what is known."""

    at: float
    wall: float
    epoch: int

    def until(self, later: Asked) -> float:
        """Seconds between the two, by the clock that has gone further."""
        return max(later.at - self.at, later.wall - self.wall)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An accepted token, as a server answered; spans are in seconds, and 0 where it gave none.

    `hashed_ids` are all that can revoke it, the key's and the token's own among them.
    """

    session: Session
    asked: Asked
    revision_age: float
    cache_for: float
    watched_cache_for: float
    configuration: str
    hashed_ids: tuple[bytes, ...]
    key: bytes
    size: int = 0

    @property
    def since(self) -> float:
        """Everything revoked before then was known where this was decided."""
        return self.asked.at - self.revision_age

    def as_of(self, began: Asked) -> Session:
        """The session for who asked at `began`: its `cache_for` counts from then on, or from the call."""
        left = self.cache_for - max(0.0, self.asked.until(began))
        return self.session.repeatable_for(left) if left > 0 else self.session.not_repeatable()


@dataclass(slots=True)
class _Entry:
    accepted: Acceptance
    since: float
    epoch: int
    alone_until: float  # however little is known since
    watched_until: float  # as long as the watch is fresh
    skew: float  # by how much the wall's clock was ahead of the steady one
    size: int
    checked: int  # the sequence up to which no event hits it
    is_used: bool = field(default=False)


class VerdictCache:
    """Bounded by entries and bytes; what has not been used since it last came up goes first.

    Threads may call `find` without a lock; everything else needs one.
    """

    def __init__(self, bounds: Cache, knowledge: Knowledge) -> None:
        self._bounds = bounds
        self._knowledge = knowledge
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes, now: float, wall: float) -> Session | None:
        """What is kept under a key, if it may be repeated at `now`.

        Its `cache_for` is counted anew: replayed, it would add up from cache to cache.
        """
        # The order matters beside a thread that follows the watch: freshness before what it vouches for.
        freshness = self._knowledge.freshness
        entry = self._entries.get(key)
        if entry is None or not (entry.checked == self._knowledge.sequence or self._is_standing(entry)):
            return None
        at = max(now, wall - entry.skew)
        left = min(entry.watched_until - at, freshness.left(now, wall))
        if entry.alone_until > at + left:
            left = entry.alone_until - at
        if left <= 0:
            return None
        entry.is_used = True
        return entry.accepted.session.repeatable_for(left)

    def insert(self, key: bytes, accepted: Acceptance, now: float) -> None:
        """Keep an acceptance, unless something that is known, or may have been missed, forbids it."""
        self._drop_forgotten()
        if not self._may_keep(accepted, now):
            return
        since, asked = accepted.since, accepted.asked
        most = since + RETENTION
        watched = self._knowledge.covers(since, accepted.configuration)
        entry = _Entry(
            accepted=accepted,
            since=since,
            epoch=asked.epoch,
            alone_until=min(asked.at + accepted.cache_for, most),
            watched_until=min(asked.at + accepted.watched_cache_for, most) if watched else -inf,
            skew=asked.wall - asked.at,
            size=_ENTRY_BYTES + 2 * accepted.size,
            checked=self._knowledge.sequence,
        )
        if max(entry.alone_until, entry.watched_until) > now:
            self._put(key, entry, now)

    def may_answer(self, accepted: Acceptance, began: Asked) -> bool:
        """Whether who asked at `began` may be answered by a call that was under way then.

        A call that was sent later answers as one of its own would have.
        """
        elapsed = accepted.asked.until(began)
        if elapsed <= 0:
            return True
        by_watch = self._knowledge.max_staleness - accepted.revision_age
        return elapsed < max(accepted.cache_for, by_watch) and self._is_unharmed(accepted)

    def _may_keep(self, accepted: Acceptance, now: float) -> bool:
        return self._knowledge.remembers(accepted.since, now) and self._is_unharmed(accepted)

    def _is_unharmed(self, accepted: Acceptance) -> bool:
        """Whether nothing that was heard of while a call was under way tells against its answer."""
        knowledge = self._knowledge
        return (
            accepted.asked.epoch == knowledge.epoch
            and knowledge.is_decided_alike(accepted.configuration)
            and not knowledge.is_hit(accepted.hashed_ids, accepted.since)
            and not knowledge.is_withdrawn(accepted.key)
        )

    def _is_standing(self, entry: _Entry) -> bool:
        """Whether nothing heard of since hits an entry; it is not looked at again before there is more."""
        sequence = self._knowledge.sequence
        if entry.epoch != self._knowledge.epoch:
            return False
        if self._knowledge.is_hit(entry.accepted.hashed_ids, entry.since):
            return False
        entry.checked = sequence
        return True

    def _put(self, key: bytes, entry: _Entry, now: float) -> None:
        self._remove(key)
        self._entries[key] = entry
        self._bytes += entry.size
        for _ in range(min(_SWEPT, len(self._entries))):
            oldest = next(iter(self._entries))
            kept = self._entries[oldest]
            if max(kept.alone_until, kept.watched_until) > now:
                break
            self._remove(oldest)
        while len(self._entries) > self._bounds.max_entries or self._bytes > self._bounds.max_bytes:
            self._evict()

    def _evict(self) -> None:
        """The oldest that was not used since it last came up; each that was comes up once more."""
        key, entry = next(iter(self._entries.items()))
        if entry.is_used:
            entry.is_used = False
            self._entries.move_to_end(key)
        else:
            self._remove(key)

    def _remove(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size

    def _drop_forgotten(self) -> None:
        """What was kept in an earlier epoch is not repeated any more; here its memory goes too."""
        if self._epoch != self._knowledge.epoch:
            self._epoch = self._knowledge.epoch
            self._entries.clear()
            self._bytes = 0
