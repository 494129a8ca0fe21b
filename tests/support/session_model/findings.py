"""How the bugs are found: what must happen to sessions, and what the model says of it then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.support.session_model import scenes_of_exchanges as exchanges
from tests.support.session_model import scenes_of_tokens as tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.session_model.scene import Scene


@dataclass(frozen=True)
class Finding:
    """`complaint` is a regular expression that is found in what the model says."""

    scene: Callable[[Scene], None]
    complaint: str


_REPLAYED: Final = "rotate gave REPLAYED instead of REFRESH_TOKEN_SUPERSEDED"
_NOT_PUNISHED: Final = r"rotate gave \w+ instead of REFRESH_TOKEN_REUSED"
_LONGER_PAUSE: Final = rf"{_NOT_PUNISHED}|pause is \d+ instead of \d+"
_PUNISHED: Final = r"rotate gave REFRESH_TOKEN_REUSED instead of \w+"
_STALE_COMMIT: Final = "commit gave ROTATED instead of MOVED"
_STALE_END: Final = "settle gave 1 instead of 0"

# By the names of the bugs.
FINDINGS: Final = {
    "no compare-and-set at the commit": Finding(exchanges.stored_late_behind_the_next, _STALE_COMMIT),
    "no lease": Finding(exchanges.wanted_twice, "rotate gave LEASED instead of BUSY"),
    "a lease for ever": Finding(exchanges.never_answered, "rotate gave BUSY instead of LEASED"),
    "replay of older generations": Finding(tokens.presented_behind_its_successors_successor, _REPLAYED),
    "replay to another device": Finding(tokens.presented_by_another_device, _REPLAYED),
    "replay behind the successor's use": Finding(tokens.presented_while_its_successor_is_used, _REPLAYED),
    "sliding past the absolute limit": Finding(
        tokens.used_for_as_long_as_it_may_be, r"idle is \d+ instead of \d+|I6: the refresh token outlives"
    ),
    "no absolute limit": Finding(
        tokens.used_for_as_long_as_it_may_be, r"rotate gave \w+ instead of SESSION_LIFETIME_EXCEEDED"
    ),
    "no idle limit": Finding(tokens.idle, r"rotate gave \w+ instead of SESSION_IDLE_TIMEOUT"),
    "kill on a late duplicate": Finding(
        tokens.presented_by_another_device, "cause is REUSE instead of|rotate gave SESSION_REVOKED instead of"
    ),
    "no kill on reuse": Finding(tokens.presented_behind_its_window, _NOT_PUNISHED),
    "reuse judged when the store is asked": Finding(
        tokens.presented_in_its_window_and_judged_behind_it, _PUNISHED
    ),
    "window not paused": Finding(tokens.presented_behind_an_outage, _PUNISHED),
    "window paused for ever": Finding(tokens.presented_long_behind_an_outage, _LONGER_PAUSE),
    "window paused by later outages": Finding(tokens.presented_behind_a_later_outage, _LONGER_PAUSE),
    "window paused without a bound": Finding(tokens.presented_behind_a_long_outage, _LONGER_PAUSE),
    "newest pepper on a replay": Finding(
        tokens.replayed_at_another_server, "I2: another answer to the same token"
    ),
    "a replay that writes nothing": Finding(
        tokens.replayed_at_another_server, r"replays is \d+ instead of \d+"
    ),
    "tokens without a tag": Finding(tokens.forged, "I8: the store was asked to spend what is no token"),
    "refresh of a revoked session": Finding(
        tokens.presented_behind_a_revocation, r"rotate gave \w+ instead of SESSION_REVOKED"
    ),
    "revocation that stops no exchange": Finding(
        exchanges.revoked_under_it, "commit gave ROTATED instead of SESSION_REVOKED"
    ),
    "what was brought is not revoked": Finding(exchanges.revoked_under_it, r"I10: \S+ was not revoked"),
    "provider's token overwritten by a stale commit": Finding(
        exchanges.stored_late_behind_a_hold, _STALE_COMMIT
    ),
    "provider's token overwritten by a stale hold": Finding(
        exchanges.held_late_behind_another_lease, "hold gave 1 instead of 0"
    ),
    "end by a stale holder": Finding(exchanges.refused_behind_its_lease, _STALE_END),
    "end by anybody": Finding(exchanges.refused_under_another_lease, _STALE_END),
    "no hold": Finding(exchanges.bringing_what_does_not_fit, "rotate gave LEASED instead of HELD"),
    "late commands carried out": Finding(tokens.carried_out_late, "rotate was carried out, and was late"),
    "lease given back while the provider may be at it": Finding(
        exchanges.cut_off, "a lease was given back with RELEASE instead of"
    ),
    "a doubt that began later than now": Finding(
        exchanges.cut_off_ahead_of_the_clock, r"INTERNAL instead of \['PROVIDER_UNAVAILABLE'\]"
    ),
    "lease used however late": Finding(
        exchanges.leased_by_who_stands_still, "I1: a token of the provider was sent that had been replaced"
    ),
    "what was brought given up with the store": Finding(
        exchanges.refused_by_the_store, r"I10: .* lost a token of the provider"
    ),
    "exchange cancelled with its caller": Finding(
        exchanges.left_by_its_caller, r"I10: .* lost a token of the provider"
    ),
    "own revocations not applied": Finding(
        tokens.validated_behind_a_revocation, r"I11: a token of \w+ is accepted"
    ),
}
# All of them, in which nothing is to be found where there is no bug.
SCENES: Final = tuple(dict.fromkeys(one.scene for one in FINDINGS.values()))
