"""What both clients do for every validation before there is a call: look into the memory, and count."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from sessiond import access
from sessiond.access import Key
from sessiond.cache import Cache
from sessiond.clocks import Clocks
from sessiond.counters import Counters
from sessiond.flights import Question
from sessiond.memory import Memory, caller_of
from sessiond.observer import Numbers, Observer, Outcome
from sessiond.policy import Policy
from sessiond.results import Session, Verdict
from sessiond.watch import Watch

# Read once: each time it would cost as much as the look-up itself.
_HIT: Final = Outcome.HIT


class Front:
    """Answers of two callers never meet: a key that is given by a function is asked for on every call."""

    def __init__(
        self, key: Key | None, bounds: Cache | None, observer: Observer | None, clocks: Clocks
    ) -> None:
        self.clocks: Final = clocks
        self.counters: Final = Counters(observer)
        self.memory: Final = None if bounds is None else Memory(bounds, clocks)
        self._key = key
        self._caller = None if callable(key) else caller_of(access.metadata(key))

    def find(self, token: str, policy: Policy) -> Session | None:
        """What is kept and may be repeated."""
        memory = self.memory
        if memory is None:
            return None
        caller = self._caller or caller_of(access.metadata(self._key))
        clocks, digest = self.clocks, sha256(policy.digest + caller + str.encode(token)).digest()
        began = clocks.steady()
        session = memory.cache.find(digest, began, clocks.wall())
        if session is not None:
            counters = self.counters
            if counters.is_observed:
                counters.count(Outcome.HIT, session, clocks.steady() - began)
            else:
                counters.by_outcome[_HIT] += 1
        return session

    def question(self, token: str, policy: Policy) -> Question:
        """The same as what a server is asked."""
        metadata, raw = access.metadata(self._key), str.encode(token)
        digest = sha256(policy.digest + caller_of(metadata) + raw).digest()
        return Question(token, policy, metadata, raw, digest)

    def forget(self) -> None:
        """Repeat nothing from before; threads need a lock for it."""
        if self.memory is not None:
            self.memory.knowledge.forget()

    def answered(self, outcome: Outcome, verdict: Verdict, began: float) -> Verdict:
        """Count a verdict that a call has brought."""
        self.counters.count(outcome, verdict, self.clocks.steady() - began)
        return verdict

    def numbers(self, watch: Watch | None) -> Numbers:
        """What has been done so far, and what is kept."""
        return self.counters.numbers(self.memory, watch)
