"""The answer to a question about a token; it cannot be mistaken for a bool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Reason(Enum):
    """Why a token is not accepted, in the order in which it is decided: the first that applies is the answer."""

    TOO_LARGE = 1
    MALFORMED = 2
    ISSUER_NOT_TRUSTED = 3
    ALGORITHM_NOT_ALLOWED = 4
    KEY_UNKNOWN = 5
    SIGNATURE_INVALID = 6
    TYPE_NOT_ALLOWED = 7
    CLAIM_MISSING = 8
    CLAIM_INVALID = 9
    EXPIRED = 10
    NOT_YET_VALID = 11
    AUDIENCE_MISMATCH = 12
    BINDING_MISMATCH = 13
    REVOKED = 14
    SCOPE_INSUFFICIENT = 15
    STEP_UP_REQUIRED = 16


class NextAction(Enum):
    """What the bearer's client can do about a rejection."""

    REFRESH = 1
    REAUTHENTICATE = 2
    STEP_UP = 3
    DENY = 4


NEXT_ACTIONS: Final = MappingProxyType(
    {
        Reason.TOO_LARGE: NextAction.REAUTHENTICATE,
        Reason.MALFORMED: NextAction.REAUTHENTICATE,
        Reason.ISSUER_NOT_TRUSTED: NextAction.DENY,
        Reason.ALGORITHM_NOT_ALLOWED: NextAction.DENY,
        Reason.KEY_UNKNOWN: NextAction.REAUTHENTICATE,
        Reason.SIGNATURE_INVALID: NextAction.REAUTHENTICATE,
        Reason.TYPE_NOT_ALLOWED: NextAction.DENY,
        Reason.CLAIM_MISSING: NextAction.REAUTHENTICATE,
        Reason.CLAIM_INVALID: NextAction.REAUTHENTICATE,
        Reason.EXPIRED: NextAction.REFRESH,
        Reason.NOT_YET_VALID: NextAction.REAUTHENTICATE,
        Reason.AUDIENCE_MISMATCH: NextAction.DENY,
        Reason.BINDING_MISMATCH: NextAction.DENY,
        Reason.REVOKED: NextAction.REAUTHENTICATE,
        Reason.SCOPE_INSUFFICIENT: NextAction.DENY,
        Reason.STEP_UP_REQUIRED: NextAction.STEP_UP,
    }
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The token is not accepted.

    `message` is for people and holds nothing of the token; `challenge` is the value of a `WWW-Authenticate` header (RFC 6750 §3).
    """

    reason: Reason
    message: str
    challenge: str = 'Bearer error="invalid_token"'

    @property
    def next_action(self) -> NextAction:
        """What the bearer's client can do."""
        return NEXT_ACTIONS[self.reason]
