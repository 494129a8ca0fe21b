"""Whether a token shows which workload calls: the checks of access tokens, in an order for strangers.

Whoever presents such a token is a stranger until its signature is good. What a stranger makes up must cost
neither a signature nor a fetch of keys, so that everything is judged first that needs no key. Nobody is told
which check refused a token: the order shows in nothing but what it costs.
"""

from __future__ import annotations

from typing import Final

from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from sessiond_server.domain.facts import CallFacts, Check
from sessiond_server.domain.verdict import Reason, Rejected

# What is judged by the key, once everything else is right.
_BY_THE_KEY: Final = ("key", "signature")
# Revocations are of end users' sessions, and what a request demands is demanded of an end user's token.
_OF_END_USERS: Final = ("revocation", "requirements", "step-up")


def judge_sole_audience(facts: CallFacts) -> Rejected | None:
    """Decide whether the token is meant for this server alone.

    Each audience of a token can present it to the others, and be taken for its workload (JWT-SVID §7.2).
    """
    if facts.policy.audiences.issuperset(facts.claims.audiences):
        return None
    return Rejected(Reason.AUDIENCE_MISMATCH)


CHECKS_WITHOUT_A_KEY: Final = tuple(check for check in CHECKS_OF_A_TOKEN if check.name not in _BY_THE_KEY)
CHECKS_BY_THE_KEY: Final = tuple(check for check in CHECKS_OF_A_TOKEN if check.name in _BY_THE_KEY)
CHECKS_OF_THE_MOMENT: Final = (
    *(check for check in CHECKS_OF_A_CALL if check.name not in _OF_END_USERS),
    Check("sole audience", judge_sole_audience),
)
