"""Tells of refused callers, and no more often than somebody reads: a stranger can make calls all day."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from sessiond_server.service.audit.trail import AuditTrail

_WINDOW_SECONDS: Final = 60.0


class _Refusal(NamedTuple):
    """Who was refused what, and why: each from the settings or an enumeration, so that there are few."""

    caller: str
    method: str
    reason: str


class RefusedCallers:
    """Tells each refusal of a caller, a method and a reason at once, and at most once a minute.

    Those that follow in the same minute are counted, and told together at its end.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self._left_out: dict[_Refusal, int] = {}

    def note(self, caller: str, method: str, reason: str) -> None:
        """A caller was refused."""
        refusal = _Refusal(caller, method, reason)
        if refusal in self._left_out:
            self._left_out[refusal] += 1
            return
        self._left_out[refusal] = 0
        self._trail.caller_refused(*refusal)

    def tell_left_out(self) -> None:
        """Tell what was counted; whatever is refused next is told at once again."""
        counted, self._left_out = self._left_out, {}
        for refusal, count in counted.items():
            if count:
                self._trail.caller_refused(*refusal, left_out=count)

    async def keep_telling(self) -> None:
        """Do that each minute, until cancelled."""
        while True:
            await asyncio.sleep(_WINDOW_SECONDS)
            self.tell_left_out()
