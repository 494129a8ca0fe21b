"""Where an id lives: the one place that divides ids among partitions and names their keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sessiond_server.domain.identifiers import SessionId, subject_byte

# The names of keys within their partition, to which scripts and servers add the hashed id in hex.
RECORD_KEY: Final = "s:"
REFRESH_KEY: Final = "r:"
ACCESS_KEY: Final = "a:"
INDEX_KEY: Final = "u:"
SHARERS_KEY: Final = "by:"
PROOF_KEY: Final = "j:"
KEY_SET_KEY: Final = "k:"
KEY_ORDER_KEY: Final = "ko:"
LOGOUT_KEY: Final = "o:"
ADOPTION_KEY: Final = "ad:"
BUCKET_KEY: Final = "b:"
# The name of the queue of refresh tokens that are to be revoked at their providers.
QUEUE_KEY: Final = "torevoke"
# The name of the trifle that replicas acknowledge: it is there where a store has replicas, or has had them.
REPLICATED_KEY: Final = "replicated"
# The names of the manifest of a partition's snapshot, of who writes one, and of the parts of snapshots.
SNAPSHOT_KEY: Final = "snapshot"
SNAPSHOT_LEASE_KEY: Final = "snapshot:lease"
SNAPSHOT_PART_KEY: Final = "snapshot:"
# The names of a trifle, of when a server could last use the partition, and of the times at which none could.
PROBED_KEY: Final = "probed"
SEEN_KEY: Final = "seen"
OUTAGES_KEY: Final = "outages"
# The name of when the latest session of the partition began.
LAST_LOGIN_KEY: Final = "lastlogin"


# What is in the braces of a partition's keys decides on its slot in a cluster. The slots of p0, p1, … lie in
# heaps, so that some nodes would have no partition, and others many. These numbers are chosen for their
# slots: those of the first 2, 4, 8, 16, 32 or 64 are spread evenly, and so over nodes that have about as many
# slots each. The first one is that of a store of one partition. They never change: what is stored would not
# be found any more.
_TAGS: Final = (
    *(0, 2, 3, 1, 131, 48, 130, 49, 73, 71, 72, 70, 171, 173, 170, 172),
    *(68, 111, 69, 110, 11, 13, 10, 12, 51, 53, 50, 52, 28, 151, 29, 150),
    *(8, 141, 140, 9, 42, 40, 43, 41, 100, 79, 101, 78, 179, 322, 178, 323),
    *(60, 62, 61, 63, 19, 160, 18, 161, 59, 120, 58, 121, 20, 22, 21, 23),
)
MAX_PARTITIONS: Final = len(_TAGS)


def key_in(partition: int, name: str) -> str:
    """The key `name` of a partition; what is in braces keeps a partition in one slot of a cluster."""
    return f"{{p{_TAGS[partition]}}}{name}"


class Partitions:
    """The partitions of a store, numbered from 0. Everything of one subject is in one of them."""

    def __init__(self, number: int) -> None:
        if not 1 <= number <= MAX_PARTITIONS:
            raise ValueError(f"a store has at least one partition, and at most {MAX_PARTITIONS}")
        self._number = number

    def __len__(self) -> int:
        """How many there are."""
        return self._number

    def __iter__(self) -> Iterator[int]:
        """Every partition once."""
        return iter(range(self._number))

    def of_session(self, session: SessionId) -> int:
        """The partition of a session, which is that of its subject; the session's id alone tells it."""
        return self.of_placing_byte(session.placing_byte)

    def of_subject(self, issuer: str, subject: str) -> int:
        """The partition of everything that a subject has: sessions, index, cutoff and its part of the log."""
        return self.of_placing_byte(subject_byte(issuer, subject))

    def of_proof(self, hashed_proof: bytes) -> int:
        """The partition of a used proof: its hashed id places it, so that it is found in any case."""
        return self.of_placing_byte(hashed_proof[0])

    def of_the_store(self) -> int:
        """The partition of what is kept once: the shared key sets, and how many partitions there are."""
        return 0

    def of_placing_byte(self, placing_byte: int) -> int:
        """The partition of whatever begins with, or is placed by, this byte."""
        return placing_byte % self._number
