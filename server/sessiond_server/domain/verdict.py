"""Why a token is not accepted, as a value: it cannot be mistaken for a bool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Reason(Enum):
    """Why a token is not accepted; `domain.checks` says in which order the reasons are decided."""

    TOO_LARGE = auto()
    MALFORMED = auto()
    ISSUER_NOT_TRUSTED = auto()
    ALGORITHM_NOT_ALLOWED = auto()
    KEY_UNKNOWN = auto()
    SIGNATURE_INVALID = auto()
    TYPE_NOT_ALLOWED = auto()
    CLAIM_MISSING = auto()
    CLAIM_INVALID = auto()
    EXPIRED = auto()
    NOT_YET_VALID = auto()
    AUDIENCE_MISMATCH = auto()
    BINDING_MISMATCH = auto()
    REVOKED = auto()
    SCOPE_INSUFFICIENT = auto()
    STEP_UP_REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The token is not accepted.

    `fields` are what `transport.rejections` needs to word the reason. They hold nothing of the token but the
    names of its claims.
    """

    reason: Reason
    fields: Mapping[str, str] = field(default_factory=dict)
