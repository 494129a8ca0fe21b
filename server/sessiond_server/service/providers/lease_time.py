"""Whether a lease can still be relied upon by whoever was given it."""

from __future__ import annotations

from typing import Final

from sessiond_server.service.clock import Clock

# A lease lasts for 15 s, and an exchange for 13 at most, the discovery of its address included.
BEGUN_WITHIN_SECONDS: Final = 2.0


def is_in_time(asked: float, clock: Clock) -> bool:
    """Whether an exchange that begins now ends before the lease that was asked for at `asked`.

    A server that stood still since, or a store that took too long, leaves too little of it: somebody else may
    have exchanged the token meanwhile, and a provider may end a session whose spent token comes again.
    """
    return clock.steady() - asked <= BEGUN_WITHIN_SECONDS
