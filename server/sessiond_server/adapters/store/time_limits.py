"""How long a call of the store may take."""

from __future__ import annotations

from typing import Final

# How long the store has for an answer, and to take a connection.
TIMEOUT_SECONDS: Final = 0.25
# How long replicas have to confirm a write. The store tells up to a tenth of a second late that they did not,
# and it must come within the time above.
REPLICATION_SECONDS: Final = 0.1
# How long a call waits for its turn: as many calls as may be in flight have had theirs by then.
TURN_SECONDS: Final = 1.0
# Whoever has sent a command has given it up by then: it has waited for its turn, for a connection and for the
# answer. As much again as the latter two is for the store's time, which is only reckoned here.
COMMAND_LIFE_SECONDS: Final = TURN_SECONDS + 4 * TIMEOUT_SECONDS
