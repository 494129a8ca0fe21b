"""Refresh tokens that the provider gave to somebody else, and what has been opened by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.session_model.attempts import Attempt
    from tests.support.session_model.families import Family
    from tests.support.session_model.witness import Witness

# What may be answered beside a success: adoption has no rows of its own in docs/rotation.md.
REFUSALS = frozenset(
    {
        *("PROVIDER_UNAVAILABLE", "PROVIDER_REFUSED", "LOGIN_REFUSED", "REFRESH_TOKEN_SUPERSEDED"),
        *("SESSION_REVOKED", "SESSION_IDLE_TIMEOUT", "SESSION_LIFETIME_EXCEEDED", "KEYS_UNAVAILABLE"),
    }
)


@dataclass(eq=False)
class Adopted:
    """A token of the provider; `first` is what it was exchanged for here, and `family` the session."""

    token: str
    subject: str
    first: str = ""
    family: Family | None = None


@dataclass(frozen=True)
class Adopting:
    """Who presents it, and by which device."""

    adopted: Adopted
    device: tuple[str, str]

    def __repr__(self) -> str:
        return f"{self.adopted.token[:10]} of {self.device}"

    def note(self, witness: Witness, attempt: Attempt, script: str, outcome: str) -> None:
        """The store has carried something out for a call."""
        brought = attempt.brought
        match script, outcome:
            case ("adopt", "FREE"):
                attempt.set_ahead_ms = witness.world.set_ahead_ms
            case ("keep_adoption", "1"):
                if brought.is_new:
                    witness.replaced.add(brought.sent)
                witness.owed.pop(brought.refresh, None)
                attempt.succeeds()
            case ("repeat_login", "REPLAYED"):
                if self.adopted.family:
                    self.adopted.family.replays += 1
                attempt.succeeds()
            case ("hold_adoption", _):
                witness.owed.pop(brought.refresh, None)
            case ("add_revocation", _):
                witness.owed.pop(brought.refresh, None)
                witness.queued.add(brought.refresh)
            case ("end", _):
                # It has opened another session meanwhile.
                witness.owed.pop(brought.refresh, None)
                witness.queued.add(brought.refresh)
