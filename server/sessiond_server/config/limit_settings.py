"""How often what may be done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sessiond_server.config.kinds import Kind, NotAllowedError, one_of, setting, whole, words
from sessiond_server.domain.rate import Activity, Per, Rate

_RATE: Final = re.compile(r"([1-9]\d{0,6})/([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_MOST_A_SECOND: Final = 1_000_000


def _rate(value: object) -> tuple[int, int]:
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > _MOST_A_SECOND * _SECONDS[found[2]]:
        raise NotAllowedError
    return int(found[1]), _SECONDS[found[2]]


RATE: Final = Kind(
    "rate", "a number up to 1000000 a second, a minute or an hour, such as 10/s, 30/m or 100/h", _rate
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSettings:
    """How often something may be done by, or to, each of what it is counted per."""

    on: tuple[str, ...] = setting(
        words([*Activity], least=1), "what is counted, all of it together; failed validations at each server"
    )
    per: str = setting(
        one_of(*Per),
        "by what it is counted; source is the `device.ip_address` of a request",
    )
    rate: tuple[int, int] = setting(RATE, "how often it may be done on average")
    burst: int | None = setting(
        whole(1, 1_000_000), "how often at once; unset: as often as the rate says", default=None
    )

    def to_rate(self) -> Rate:
        """The rate with its burst."""
        count, seconds = self.rate
        return Rate(count, seconds, self.burst or count)
