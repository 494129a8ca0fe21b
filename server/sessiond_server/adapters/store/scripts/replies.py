"""What scripts reply, by name; the order of the fields is that of the list that a script returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.revocation import Position, Revocation
from sessiond_server.service.storage.revocations import Break, Logged, LogPage


@dataclass(frozen=True, slots=True)
class LogReply:
    """What a script appended to the log of its partition, and where the log ends after that."""

    entries: tuple[bytes, ...]
    incarnation: bytes
    number: int
    tag: str

    def to_logged(self, partition: int) -> Logged:
        """The same for the services."""
        position = Position(self.incarnation, partition, self.number, self.tag)
        return Logged(tuple(map(Revocation.unpack, self.entries)), position)


@dataclass(frozen=True, slots=True)
class DocumentReply:
    """When it was last ordered to fetch the document anew, 0 for never; and the document, sealed."""

    ordered_ms: int
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class CreatedReply:
    """The record as it was stored, and how many sessions its subject has beyond the limit."""

    record: bytes
    excess: int
    log: LogReply


@dataclass(frozen=True, slots=True)
class FullReply:
    """There is nothing to tell: the subject has as many sessions as it may."""


@dataclass(frozen=True, slots=True)
class SurveyReply:
    """How many sessions were dropped as over, the others, packed as `CANDIDATE`, and where it stopped."""

    dropped: int
    live: tuple[bytes, ...]
    next_ms: int | None
    next_id: bytes | None


@dataclass(frozen=True, slots=True)
class RoomReply:
    """How many sessions are still too many, and the ids of those that have ended, one behind another."""

    excess: int
    log: LogReply
    ended: bytes


@dataclass(frozen=True, slots=True)
class RotatedReply:
    """The record after a rotation, and the provider's access token, sealed, where there is one."""

    record: bytes
    access: bytes | None


@dataclass(frozen=True, slots=True)
class LeasedReply:
    """The record, the provider's refresh token, sealed, and whether an earlier exchange may have spent it.

    Beside it stands how long ago that began; None where nobody knows.
    """

    record: bytes
    refresh: bytes | None
    in_doubt: bool
    doubt_age_ms: int | None


@dataclass(frozen=True, slots=True)
class NotDueReply:
    """There is nothing to tell: an exchange ahead of its need has no need either, or would disturb."""


@dataclass(frozen=True, slots=True)
class BusyReply:
    """There is nothing to tell: another call holds the lease."""


@dataclass(frozen=True, slots=True)
class FreeReply:
    """Whoever asked has the right now; what the provider has given for the token before is sealed."""

    successor: bytes | None


@dataclass(frozen=True, slots=True)
class AdoptedReply:
    """The session that a provider's refresh token has opened, and what its own first one is made from."""

    session: bytes
    pepper_id: bytes
    salt: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class HeldReply:
    """There is nothing to tell: the next exchange has to wait."""


@dataclass(frozen=True, slots=True)
class UnreadableReply:
    """There is nothing to tell: what is stored is sealed with a key that whoever asked does not have."""


@dataclass(frozen=True, slots=True)
class HeldBackReply:
    """Whether what was brought is kept, and how long the next exchange has to wait for it."""

    is_kept: bool
    pause_ms: int


@dataclass(frozen=True, slots=True)
class RefusedReply:
    """What the refusal of a refresh token revoked, if anything, and by how much its window was prolonged."""

    log: LogReply | None
    pause_ms: int | None


@dataclass(frozen=True, slots=True)
class MovedReply:
    """There is nothing to tell: the session has been rotated meanwhile."""


@dataclass(frozen=True, slots=True)
class EndedReply:
    """How many live sessions have ended."""

    count: int
    log: LogReply


@dataclass(frozen=True, slots=True)
class EndedByIdReply:
    """The same of one session, and the header that it has now; empty where it is unknown."""

    count: int
    header: bytes
    log: LogReply


@dataclass(frozen=True, slots=True)
class EndedOfLogoutReply:
    """The same of a logout in this call, and how many sessions its subject's index names that are strangers'.

    `ended` are the ids of those that have ended, one behind another; what ends began up to `begun_ms`. Where
    there is more to do, it goes on at `next_ms` and `next_id`.
    """

    count: int
    strangers: int
    log: LogReply
    ended: bytes
    begun_ms: int
    next_ms: int | None
    next_id: bytes | None


@dataclass(frozen=True, slots=True)
class EndedOfSubjectReply:
    """How many live sessions of the subject have ended in this call, its cutoff, and strangers as above.

    Where there is more to do, it goes on at `next_ms` and `next_id`.
    """

    count: int
    cutoff_ms: int
    strangers: int
    log: LogReply
    next_ms: int | None
    next_id: bytes | None


@dataclass(frozen=True, slots=True)
class NotOfSubjectReply:
    """There is nothing to tell: the session that was to be spared is not a live one of the subject."""


@dataclass(frozen=True, slots=True)
class CutoffReply:
    """The cutoff that stands now in this partition."""

    cutoff_ms: int
    log: LogReply


@dataclass(frozen=True, slots=True)
class ListedReply:
    """A session of a listing."""

    id: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class ListingReply:
    """Sessions of a listing, and the session behind which it goes on, where it does."""

    sessions: tuple[ListedReply, ...]
    after_ms: int | None
    after_id: bytes | None


@dataclass(frozen=True, slots=True)
class KeptReply:
    """How long something is still kept, and the thing, where it is there."""

    life_ms: int
    found: bytes | None


@dataclass(frozen=True, slots=True)
class ReassertedReply:
    """What was appended to the log."""

    log: LogReply


_BREAKS: Final = {word.name: word for word in Break}


@dataclass(frozen=True, slots=True)
class PageReply:
    """A stretch of the log."""

    entries: tuple[bytes, ...]
    incarnation: bytes
    number: int
    tag: str
    broken: str
    reached_head: bool
    store_ms: int
    run: str
    is_noted: bool
    changed_ms: int
    is_primary: bool
    is_replicated: bool
    born_ms: int
    behind: int

    def to_page(self, partition: int) -> LogPage:
        """The same for the services."""
        return LogPage(
            revocations=tuple(map(Revocation.unpack, self.entries)),
            position=Position(self.incarnation, partition, self.number, self.tag),
            continues=not self.broken,
            broken_by=_BREAKS.get(self.broken),
            reached_head=self.reached_head,
            store_ms=self.store_ms,
            run=self.run,
            is_noted=self.is_noted,
            changed_ms=self.changed_ms,
            is_primary=self.is_primary,
            is_replicated=self.is_replicated,
            born_ms=self.born_ms,
            behind=self.behind,
        )
