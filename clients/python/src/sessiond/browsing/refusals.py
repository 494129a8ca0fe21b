"""What came of a refresh, and what a refused one means for the cookies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sessiond.errors import RefreshRefusedError
from sessiond.middleware import denials
from sessiond.middleware.denials import Denial, Kind
from sessiond.results import NextAction

SUPERSEDED: Final = "REFRESH_TOKEN_SUPERSEDED"
_UNPROVEN: Final = "BINDING_MISMATCH"
_INVALID: Final = "REFRESH_TOKEN_INVALID"
# After these a refresh token is worth nothing for good. A reason that is newer than this client may mean
# anything, and clears nothing.
_ENDED: Final = frozenset(
    {
        _INVALID,
        "REFRESH_TOKEN_REUSED",
        "SESSION_REVOKED",
        "SESSION_IDLE_TIMEOUT",
        "SESSION_LIFETIME_EXCEEDED",
        "PROVIDER_REFUSED",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a refresh token opens nothing."""

    reason: str
    why: Exception | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the session has ended, or never was."""
        return self.reason in _ENDED

    def denial(self) -> Denial:
        """What the request is told."""
        challenges = ('Bearer error="invalid_token"',)
        if self.reason == SUPERSEDED:  # the browser has newer cookies by now
            return Denial(Kind.REJECTED, "session_superseded", None, challenges, why=self.why, retry=True)
        action = NextAction.DENY if self.reason == _UNPROVEN else NextAction.REAUTHENTICATE
        return Denial(Kind.REJECTED, self.reason, action, challenges, why=self.why)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of a refresh: tokens, where this is empty; nothing was decided, where it `failed`."""

    refusal: Refusal | None = None
    failed: Denial | None = None


# For a refresh token that no server need be asked about.
OF_NO_FORM: Final = Refreshed(Refusal(_INVALID))


def of_error(error: Exception) -> Refreshed:
    """What an error says of a refresh."""
    if isinstance(error, RefreshRefusedError):
        return Refreshed(Refusal(error.reason, error))
    return Refreshed(failed=denials.of_error(error))
