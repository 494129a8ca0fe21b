"""How often what may be done: the rules, and the buckets that they are kept by.

A limit keeps those who ask too much from the others; it protects no secret. So where the store does not
answer, each server counts by itself, and nobody is refused for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sessiond_server.domain.failures import RateLimitedError, StoreUnavailableError
from sessiond_server.domain.identifiers import length_prefixed
from sessiond_server.domain.rate import Activity, Buckets, Per, Rate
from sessiond_server.service.clock import Clock
from sessiond_server.service.storage.rates import SharedBuckets
from sessiond_server.service.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class RateRule:
    """How often these activities may be done together by, or to, each of what it is counted per."""

    on: frozenset[Activity]
    per: Per
    rate: Rate


class RateLimits:
    """Counts what is done, and refuses what is too much.

    Each activity names what it is done by and to; a rule that counts something else does not count it.
    """

    def __init__(
        self, rules: Collection[RateRule], shared: SharedBuckets, *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._rules = {on: [rule for rule in rules if on in rule.on] for on in Activity}
        self._shared = shared
        self._own = Buckets()
        self._clock = clock
        self._telemetry = telemetry
        telemetry.foresee(
            "rate_limited",
            ((on.value, rule.per.value) for on, counted in self._rules.items() for rule in counted),
        )

    def counts(self, activity: Activity) -> bool:
        """Whether there is a rule that may count this activity."""
        return bool(self._rules[activity])

    async def require(self, activity: Activity, ids: Mapping[Per, tuple[str, ...]]) -> None:
        """Count one activity, rule by rule.

        Raises:
            RateLimitedError: by some rule it is one too many; the rules behind that have not counted it.
        """
        for rule in self._rules[activity]:
            if rule.per in ids:
                key = _key(rule, ids[rule.per])
                try:
                    to_end = activity is Activity.REVOKE
                    wait_seconds = await self._shared.take(key, rule.rate, to_end=to_end)
                except StoreUnavailableError:
                    wait_seconds = self._own.take(key, rule.rate, self._clock.steady())
                self._require_none(wait_seconds, rule, activity)

    def require_here(self, activity: Activity, ids: Mapping[Per, tuple[str, ...]], *, count: int) -> None:
        """Count so many at this server alone: what needs no store is not to wait for it.

        Raises:
            RateLimitedError: by some rule they are too many.
        """
        for rule in self._rules[activity]:
            if rule.per in ids:
                now = self._clock.steady()
                wait_seconds = self._own.take(_key(rule, ids[rule.per]), rule.rate, now, count=count)
                self._require_none(wait_seconds, rule, activity)

    def _require_none(self, wait_seconds: float, rule: RateRule, activity: Activity) -> None:
        if wait_seconds > 0:
            self._telemetry.rate_limited(activity.value, rule.per.value)
            raise RateLimitedError(activity, rule.per, str(rule.rate), wait_seconds=wait_seconds)


def _key(rule: RateRule, who: tuple[str, ...]) -> bytes:
    """16 bytes that are the same for the same rule and the same one; nothing of what is counted is kept."""
    parts = (*sorted(rule.on), rule.per, str(rule.rate), str(rule.rate.burst), "", *who)
    return hashlib.sha256(length_prefixed(*(part.encode() for part in parts))).digest()[:16]
