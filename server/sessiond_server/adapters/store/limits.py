"""The numbers that scripts go by; their constants are made from these, so that none is written twice."""

from __future__ import annotations

from typing import Final

SECOND_MS: Final = 1000
SECOND_US: Final = 1_000_000
DAY_MS: Final = 24 * 3_600_000
# A token endpoint is given up after 10 s, and its discovery before that after 3 s: what is left is for
# validating and storing what the exchange brought.
LEASE_MS: Final = 15_000
# How long the next exchange has to wait behind one whose access token cannot be handed out: twice as long
# each time, so that retries do not run into the provider's rate limit.
FIRST_HOLD_MS: Final = 1000
LONGEST_HOLD_MS: Final = 60_000
MAX_HOLDS: Final = 32
# How often a spent refresh token may be answered with its successor.
MAX_REPLAYS: Final = 1000
# How many access tokens of a provider's session can be revoked by their ids.
MAX_TOKEN_IDS: Final = 8
# The longest leeway that a validator may grant an expired token: for so long after its expiry its id counts.
LONGEST_LEEWAY_MS: Final = 300_000
# How many members of a subject's index one script looks at, and how many expired cutoffs it drops: the store
# does one thing at a time, and nobody is to wait for a subject that has very many sessions.
MEMBERS_A_CALL: Final = 25
CUTOFFS_DROPPED_A_CALL: Final = 16
# The queue of refresh tokens that are to be revoked at their provider: how many it holds, how long one may
# wait, and how long it belongs to whoever took it, which is several times what asking a provider may take.
MAX_QUEUED: Final = 10_000
# Up to how many tokens in all there is room for those of refused logins.
MAX_QUEUED_BY_REFUSALS: Final = MAX_QUEUED // 2
LONGEST_WAIT_MS: Final = DAY_MS
TAKEN_MS: Final = 60_000
# The revocation log: how many entries are read, and how many are trimmed, by one script.
ENTRIES_A_PAGE: Final = 1000
ENTRIES_TRIMMED_A_CALL: Final = 500
# How long a snapshot is kept, for how long one who writes it may be away, and how long the parts of one that
# was replaced are left to those who read it.
SNAPSHOT_LIFE_MS: Final = 3_600_000
SNAPSHOT_LEASE_MS: Final = 10_000
FORMER_SNAPSHOT_MS: Final = 60_000
# Each server writes to the store twice a second: where nobody has for so long, it could not be used. So many
# of such times are kept, for longer than any of them can prolong the window of a spent refresh token.
OUTAGE_MS: Final = SECOND_MS
MAX_OUTAGES: Final = 64
OUTAGES_KEPT_MS: Final = 2 * 3_600_000
