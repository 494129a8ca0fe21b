"""Which keys an issuer is not asked for, since it did not have them a short while ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, TypeVar

from sessiond_server.service.clock import Clock

T = TypeVar("T")

COOLDOWN_SECONDS: Final = 30.0
_MAX_IDS: Final = 128


class UnknownIds:
    """The ids that the issuer was asked for a short while ago and did not have.

    Of these, and of those that wait for the next fetch, it holds the latest 128 each: whoever makes more of
    them up has others forgotten, which are then asked for anew.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked_at: OrderedDict[str, float] = OrderedDict()
        self._sought: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key_id: str) -> bool:
        """Whether the issuer is not asked for this id now."""
        asked_at = self._asked_at.get(key_id)
        return asked_at is not None and self._clock.steady() - asked_at < COOLDOWN_SECONDS

    def seek(self, key_id: str) -> None:
        """Somebody wants to know of this id by the next fetch that begins, waiting for it or not."""
        _put(self._sought, key_id, None)

    def take_sought(self) -> tuple[str, ...]:
        """The ids that are sought by the fetch that begins now."""
        sought = tuple(self._sought)
        self._sought.clear()
        return sought

    def remember(self, key_ids: Iterable[str]) -> None:
        """The issuer does not have these ids now."""
        now = self._clock.steady()
        for key_id in key_ids:
            _put(self._asked_at, key_id, now)

    def forget(self) -> None:
        """The issuer's keys have changed: any id may be one of them now."""
        self._asked_at.clear()


def _put(ids: OrderedDict[str, T], key_id: str, value: T) -> None:
    """Put the id behind all others, the first of which leaves where they are too many."""
    ids[key_id] = value
    ids.move_to_end(key_id)
    if len(ids) > _MAX_IDS:
        ids.popitem(last=False)
