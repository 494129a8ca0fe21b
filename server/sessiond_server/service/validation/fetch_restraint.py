"""How often an issuer is asked for its keys because of tokens whose key it does not have."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sessiond_server.service.clock import Clock

COOLDOWN_SECONDS: Final = 30.0
_MAX_FETCHES: Final = 3
_MAX_UNKNOWN: Final = 128


class FetchRestraint:
    """A budget of three fetches, of which one comes back every 30 seconds, and the ids that brought nothing.

    Made-up ids can neither cause a flood of fetches, nor can a single one of them hide a new key.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budget = float(_MAX_FETCHES)
        self._counted_at = clock.steady()
        self._unknown: OrderedDict[str, float] = OrderedDict()

    def may_fetch(self) -> bool:
        """Whether one more fetch is within the budget, which then has one less."""
        now = self._clock.steady()
        self._budget = min(self._budget + (now - self._counted_at) / COOLDOWN_SECONDS, float(_MAX_FETCHES))
        self._counted_at = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def was_unknown(self, key_id: str) -> bool:
        """Whether the issuer was asked a short while ago and did not have this id."""
        asked_at = self._unknown.get(key_id)
        return asked_at is not None and self._clock.steady() - asked_at < COOLDOWN_SECONDS

    def remember_unknown(self, key_id: str) -> None:
        """The issuer does not have this id now."""
        self._unknown[key_id] = self._clock.steady()
        self._unknown.move_to_end(key_id)
        if len(self._unknown) > _MAX_UNKNOWN:
            self._unknown.popitem(last=False)

    def forget_unknown(self) -> None:
        """The issuer's keys have changed: any id may be one of them now."""
        self._unknown.clear()
