"""The port of the revocation log: where the revocations of all servers are read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from sessiond_server.domain.revocation import Position, Revocation


@dataclass(frozen=True, slots=True)
class Logged:
    """What a command appended to the revocation log, and where the log of that partition ended after it."""

    revocations: tuple[Revocation, ...]
    position: Position


def joined(parts: Sequence[Logged]) -> Logged:
    """What several commands appended, one behind the other; there must be one at least."""
    return Logged(tuple(one for part in parts for one in part.revocations), parts[-1].position)


class Break(Enum):
    """Why a log does not go on where a reader's last entry was."""

    INCARNATION = auto()
    """The store was emptied, and its log began anew."""
    REGRESSED = auto()
    """The log ends before that entry."""
    DIVERGED = auto()
    """The log has other entries under the same numbers."""
    TRIMMED = auto()
    """What follows that entry has expired, and was dropped."""

    @property
    def loses(self) -> bool:
        """Whether the store may have lost what it had acknowledged."""
        return self is not Break.TRIMMED


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the log up to `position`.

    `continues` is False where `after` is not in this log (trimmed, another history, another incarnation): the
    stretch then begins at the log's start, and `broken_by` says which of these it is, where anything was
    known before. `reached_head` says whether `position` is the log's end, and `store_ms` what the store's
    clock showed.

    `run` names the run of the store that answered: after a restart, or where another has taken its place, it
    is another one, which may have lost something. It is empty where the store does not tell. `is_noted` says
    that this run is the one that was noted in the store, and `changed_ms` when a loss was noted last, 0 for
    never.

    `is_primary` is False where a replica has answered, whose log may be behind. `is_replicated` says that the
    store has replicas, or had or should have them, so that one of them may have taken its place.

    `born_ms` is when the log began, by the store's clock: what it had before that, if anything, is lost. It
    is 0 once a server that knew it has written it again. `behind` is how many entries follow the stretch.
    """

    revocations: tuple[Revocation, ...]
    position: Position
    continues: bool
    reached_head: bool
    store_ms: int
    run: str
    is_noted: bool
    changed_ms: int
    is_primary: bool = True
    is_replicated: bool = False
    broken_by: Break | None = None
    born_ms: int = 0
    behind: int = 0


class RevocationLog(Protocol):
    """Where the revocations of all servers are read from: a log for each partition of the store."""

    def partitions(self) -> Iterable[int]:
        """Every partition, numbered from 0."""

    def partition_of(self, placing_byte: int) -> int:
        """The partition whose log has everything about the subjects and sessions that this byte places."""

    async def read(self, partition: int, after: Position | None) -> LogPage:
        """Read what follows `after`; None means from the log's start. Raises `StoreUnavailableError`."""

    async def note_change(self, partition: int, *, known_ms: int) -> bool:
        """Remember that history may have been lost: from now on a token one ahead may be accepted.

        `known_ms` is when a loss was noted last, as this reader knew before it saw this one. Where somebody
        has noted one since, nothing is noted, and the result is False.
        """

    async def reassert(
        self,
        partition: int,
        revocations: Sequence[Revocation],
        *,
        after: Position,
        cutoff_life_ms: int,
        entry_life_ms: int,
    ) -> Logged | None:
        """Write again what the log of `partition`, which was read to its end at `after`, has not.

        Sessions that it names end, or are remembered as ended; of two cutoffs the later remains. What has
        expired is passed over. No revocations mean that nothing is missing any more that was lost when the
        log began. Where the log goes on behind `after` nothing is written, and the result is None: somebody
        else may have written the same. Raises `StoreUnavailableError`.
        """

    async def trim(self, partition: int) -> bool:
        """Drop leading entries that can hit no token any more; whether there may be more of them."""
