"""Keys that their issuers have withdrawn: whoever keeps verdicts has to drop those that they verified."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.revocation import FOREVER_MS, Revocation, RevocationType
from sessiond_server.service.clock import Clock
from sessiond_server.service.revocation.events import Event, RevocationEvents

# For so long whoever begins to watch is told of a key: a verdict that it kept since lives no longer.
REPEATED_SECONDS: Final = 300.0
_MAX_KEYS: Final = 1000


class WithdrawnKeys:
    """The keys that have left the key set of an issuer a short while ago, as revocations.

    They are events of this server: the log has none of them, as each server fetches the keys by itself.
    """

    def __init__(self, events: RevocationEvents, *, clock: Clock, at_most: int = _MAX_KEYS) -> None:
        self._events = events
        self._clock = clock
        self._at_most = at_most
        self._recent: deque[Event] = deque()

    def add(self, policy: IssuerPolicy, key_ids: Collection[str]) -> None:
        """Tell watchers that tokens of these keys are good no more."""
        life = policy.max_lifetime + policy.leeway + policy.clock_skew
        expire_ms = int(self._clock.now() * 1000) + life // timedelta(milliseconds=1)
        kind, issuer = RevocationType.KEY, policy.issuer
        revocations = [
            Revocation(kind, hashed_id(kind.kind, issuer, one), FOREVER_MS, expire_ms) for one in key_ids
        ]
        self._recent.extend(self._events.add_own(revocations))
        if len(self.recent()) > self._at_most:
            # Somebody changes keys all the time: instead of being told of each, watchers begin anew.
            self._recent.clear()
            self._events.begin_anew()

    def recent(self) -> list[Event]:
        """What whoever begins to watch has to be told."""
        since = self._clock.steady() - REPEATED_SECONDS
        while self._recent and self._recent[0].at < since:
            self._recent.popleft()
        return list(self._recent)
