"""How providers treat refresh tokens, and what follows where nobody knows what became of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sessiond_server.service.providers.token_endpoint import Doubt
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Leased

# How long a token may take to its provider: by then the grace must still last.
_ON_THE_WAY_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class RefreshProfile:
    """How a provider treats its refresh tokens.

    `renews` says that each exchange brings another one, and `spends` that the one before is good no more
    then: only within `grace_ms` it may be presented again. Behind that, a second presentation ends what
    descends from the login, or more than that (`replay_ends_more`). `ends_in_doubt` says that a session ends
    rather than have its token presented then.
    """

    renews: bool = True
    spends: bool = True
    grace_ms: int = 0
    replay_ends_more: bool = False
    ends_in_doubt: bool = False

    def is_in_doubt(self, leased: Leased) -> bool:
        """Whether the token may have been spent; one that is never spent is in no doubt."""
        return self.spends and leased.in_doubt

    def is_replay(self, leased: Leased) -> bool:
        """Whether to present the token may be a second presentation that the provider does not forgive."""
        age_ms = leased.doubt_age_ms
        return self.is_in_doubt(leased) and (age_ms is None or age_ms + _ON_THE_WAY_MS > self.grace_ms)

    def ends_with(self, doubt: Doubt, leased: Leased) -> bool:
        """Whether a session ends with this doubt: within the grace there is one more try, and no third."""
        if not self.spends or doubt is Doubt.NONE:
            return False
        return self.ends_in_doubt and (leased.in_doubt or not self.grace_ms)

    def lease_end(self, doubt: Doubt) -> LeaseEnd | None:
        """What is said of an exchange with this doubt; None where its lease has to run out.

        Where there was no answer, the exchange may still be going on there: nobody else tries before that.
        """
        if not self.spends or doubt is Doubt.NONE:
            return LeaseEnd.RELEASE
        return None if doubt is Doubt.OPEN else LeaseEnd.DOUBT
