"""What one server knows of revocations, and until when that knowledge may be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.identifiers import SessionId, hashed_id, subject_byte
from sessiond_server.domain.packed_loading import PackedLoading
from sessiond_server.domain.packed_revocations import MAX_PARTITIONS, PackedRevocations, Space
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.revocation import NO_ID, Position, Revocation, RevocationType, to_revision

_OF_CLAIMS: Final = (
    (RevocationType.TOKEN, "token_id"),
    (RevocationType.SUBJECT, "subject"),
    (RevocationType.PROVIDER_SESSION, "provider_session_id"),
    (RevocationType.TENANT, "tenant_id"),
    (RevocationType.CLIENT, "client_id"),
    (RevocationType.KEY, "key_id"),
)
# How many revocations are held as objects, for the fastest look-up: 6 MB of them. Beyond that the oldest are
# packed, so many at a time that a call waits for a few milliseconds at most.
RECENT_REVOCATIONS: Final = 16_384
_PACKED_AT_A_TIME: Final = 512


@dataclass(frozen=True, slots=True)
class RevocationIds:
    """The hashed ids by which a token can be revoked, computed once per token.

    `started_ms` is compared with cutoffs; None counts as older than every cutoff. `placing_byte` finds the
    partition whose freshness the token needs.
    """

    hashed_ids: tuple[bytes, ...]
    session: bytes
    provider_session: bytes
    started_ms: int | None
    placing_byte: int


def revocation_ids_of(claims: Claims, policy: IssuerPolicy) -> RevocationIds:
    """The hashed ids of a token, and since when it counts.

    A token of the local issuer counts from the creation of its session, a provider's token from its own
    issue, less the clock skew.
    """
    issuer = claims.issuer
    ids = {
        type_: hashed_id(type_.kind, issuer, value)
        for type_, name in _OF_CLAIMS
        if (value := getattr(claims, name)) is not None
    }
    ids[RevocationType.ISSUER] = hashed_id(RevocationType.ISSUER.kind, issuer, "")
    local_session = SessionId.find(claims.session_id) if claims.session_id else None
    if local_session:
        ids[RevocationType.SESSION] = local_session.hashed
    return RevocationIds(
        hashed_ids=tuple(ids.values()),
        session=ids.get(RevocationType.SESSION, NO_ID),
        provider_session=ids.get(RevocationType.PROVIDER_SESSION, NO_ID),
        started_ms=_started_ms(claims, policy),
        placing_byte=subject_byte(issuer, claims.subject),
    )


def _started_ms(claims: Claims, policy: IssuerPolicy) -> int | None:
    if policy.is_local:
        return claims.session_start_ms
    if claims.issued_at is None:
        return None
    return int((claims.issued_at - policy.clock_skew.total_seconds()) * 1000)


@dataclass(slots=True)
class _Doubt:
    """What of one partition may not be in its log: some ids, and what is packed from this slot on."""

    ids: set[bytes] = field(default_factory=set)
    next_slot: int | None = None


class RevocationView:
    """The revocations of every partition.

    Entries only merge: one leaves by its own expiry alone, so that a store that has forgotten something
    cannot make this server forget it. Times of freshness are seconds on a clock that counts suspended time.

    Up to `max_recent` entries are held as they are. Where there are more and `space` is given, the oldest are
    packed into it; what is packed is still known.

    Where a log turned out to be another one than before, what is held of its partition is in doubt until the
    log brings it, or somebody has written it there again.
    """

    def __init__(
        self, *, partitions: int, space: Space | None = None, max_recent: int = RECENT_REVOCATIONS
    ) -> None:
        if partitions > MAX_PARTITIONS:
            raise ValueError(f"a view has at most {MAX_PARTITIONS} partitions")
        self._recent: tuple[dict[bytes, Revocation], ...] = tuple({} for _ in range(partitions))
        self._doubts: dict[int, _Doubt] = {}
        self._max_recent = max_recent
        self._space = space
        # Most servers never need it, and it takes some megabytes.
        self._packed: PackedRevocations | None = None
        self._fresh_until: list[float] = [0.0] * partitions
        self._positions: list[Position | None] = [None] * partitions
        self._revision = ""

    def __len__(self) -> int:
        """How many revocations are held; one that was packed and has changed since may count twice."""
        return self._recently + (len(self._packed) if self._packed else 0)

    @property
    def _recently(self) -> int:
        return sum(map(len, self._recent))

    @property
    def is_complete(self) -> bool:
        """Whether every partition has been read to its end once."""
        return all(self._positions)

    @property
    def revision(self) -> str:
        """How far each partition has been read, as callers hold it; partitions not read yet are missing."""
        return self._revision

    def position_of(self, partition: int) -> Position | None:
        """How far `partition` has been read."""
        return self._positions[partition]

    def fresh_until(self, partition: int) -> float:
        """Until when answers from `partition` may be given."""
        return self._fresh_until[partition]

    def apply(self, partition: int, revocation: Revocation) -> None:
        """Take in what the log of `partition` has; of two about the same id the stronger parts remain.

        Raises:
            OSError: what is packed cannot be read.
        """
        key = revocation.hashed_id
        known = self._find(partition, key)
        merged = self._recent[partition][key] = _merged(known, revocation) if known else revocation
        if partition in self._doubts:
            self.settle(partition, (key,))
            if merged != revocation:
                self._doubts[partition].ids.add(key)

    def find(self, key: bytes) -> Revocation | None:
        """What is known of this hashed id, in the first partition that knows any of it.

        Raises:
            OSError: what is packed cannot be read.
        """
        found = (self._find(partition, key) for partition in range(len(self._recent)))
        return next((one for one in found if one), None)

    def _find(self, partition: int, key: bytes) -> Revocation | None:
        entry = self._recent[partition].get(key)
        if entry is None and self._packed:
            return next(self._packed.find_any(partition, (key,)), None)
        return entry

    def doubt(self, partition: int, hashed_ids: Collection[bytes] | None = None) -> None:
        """Put what is held of `partition` in doubt: these ids, or everything."""
        doubt = self._doubts.setdefault(partition, _Doubt())
        if hashed_ids is not None:
            doubt.ids.update(hashed_ids)
            return
        doubt.ids, doubt.next_slot = set(self._recent[partition]), 0
        if self._packed:
            self._packed.doubt(partition)

    def is_in_doubt(self, partition: int) -> bool:
        """Whether anything of `partition` is, or may be."""
        return partition in self._doubts

    def settle(self, partition: int, hashed_ids: Collection[bytes]) -> None:
        """What is held of these ids is in doubt no more; raises `OSError` as `apply` does."""
        doubt = self._doubts.get(partition)
        if doubt is None:
            return
        doubt.ids.difference_update(hashed_ids)
        if self._packed and doubt.next_slot is not None:
            for key in hashed_ids:
                self._packed.settle(partition, key)

    def doubted(self, partition: int, *, limit: int) -> list[Revocation] | None:
        """Some of what is in doubt, and None where nothing is any more.

        It looks at a limited number of entries, so that it may find nothing before it comes to the end.

        Raises:
            OSError: what is packed cannot be read.
        """
        doubt = self._doubts.get(partition)
        if doubt is None:
            return None
        if doubt.ids:
            held = {key: self._find(partition, key) for key in islice(doubt.ids, limit)}
            # What has expired meanwhile is gone.
            doubt.ids.difference_update(key for key, one in held.items() if one is None)
            return [one for one in held.values() if one]
        if self._packed and doubt.next_slot is not None:
            found, following = self._packed.doubted_from(partition, doubt.next_slot)
            if found:
                return found[:limit]
            doubt.next_slot = following
            if following is not None:
                return []
            self._packed.end_doubt(partition)
        del self._doubts[partition]
        return None

    def pack(self) -> bool:
        """Pack some of what is held as objects, where that is much; whether it still is.

        Raises:
            OSError: there is no room; everything stays known.
        """
        if self._space is None or self._recently <= self._max_recent:
            return False
        held = self._packed = self._packed or PackedRevocations(self._space)
        partition, recent = max(enumerate(self._recent), key=lambda one: len(one[1]))
        oldest = list(islice(recent.values(), _PACKED_AT_A_TIME))
        held.put(partition, oldest)
        for one in oldest:
            del recent[one.hashed_id]
        return self._recently > self._max_recent

    def load(self, partition: int) -> PackedLoading | None:
        """Take in a snapshot of `partition`, until `loaded`; None where that is not to be done."""
        if self._space is None or self._recent[partition] or self._positions[partition]:
            return None
        self._packed = self._packed or PackedRevocations(self._space)
        return PackedLoading(self._packed, partition)

    def loaded(self, partition: int) -> None:
        """Merge what has come meanwhile with what was loaded; raises `OSError` as `apply` does."""
        recent = self._recent[partition]
        found = list(self._packed.find_any(partition, tuple(recent))) if self._packed else []
        for known in found:
            recent[known.hashed_id] = _merged(known, recent[known.hashed_id])

    def entries_of(self, partition: int) -> Iterator[bytes]:
        """What is known of `partition`, packed, in pieces: at least all that it was when this was called.

        Raises:
            OSError: what is packed cannot be read.
        """
        return self._pieces(partition, dict(self._recent[partition]))

    def _pieces(self, partition: int, recent: dict[bytes, Revocation]) -> Iterator[bytes]:
        entries = iter(recent.values())
        while piece := b"".join(one.pack() for one in islice(entries, _PACKED_AT_A_TIME)):
            yield piece
        if self._packed:
            yield from self._packed.entries_of(partition, without=recent)

    def advance(self, position: Position) -> None:
        """Everything up to `position` of its partition has been applied."""
        if position == self._positions[position.partition]:
            return
        self._positions[position.partition] = position
        self._revision = to_revision(known for known in self._positions if known)

    def renew(self, partition: int, *, fresh_until: float) -> None:
        """Note that `partition` was read to its end; how long it counts as fresh is never shortened."""
        self._fresh_until[partition] = max(self._fresh_until[partition], fresh_until)

    def forget_expired(self, *, now_ms: int) -> bool:
        """Drop entries that can hit no token any more, a limited number; whether all have been looked at.

        Raises:
            OSError: what is packed cannot be read.
        """
        if self._packed and not self._packed.drop_expired(now_ms=now_ms):
            return False
        self._recent = tuple(
            {key: entry for key, entry in recent.items() if entry.expire_ms > now_ms}
            for recent in self._recent
        )
        return True

    def revokes(self, partition: int, revocation_ids: RevocationIds) -> bool:
        """Whether any entry of the token's partition hits a token with these ids.

        Raises:
            OSError: what is packed cannot be read.
        """
        recent = self._recent[partition]
        for key in revocation_ids.hashed_ids:
            entry = recent.get(key)
            if entry is not None and _hits(entry, revocation_ids):
                return True
        if not self._packed:
            return False
        packed = self._packed.find_any(partition, revocation_ids.hashed_ids)
        # What was packed before it changed is passed over: the later entry has it merged in.
        return any(entry.hashed_id not in recent and _hits(entry, revocation_ids) for entry in packed)


def _hits(entry: Revocation, revocation_ids: RevocationIds) -> bool:
    started = revocation_ids.started_ms
    if started is None:
        return True
    spared = entry.type is RevocationType.SUBJECT and (
        (entry.except_session != NO_ID and entry.except_session == revocation_ids.session)
        or (
            entry.except_provider_session != NO_ID
            and entry.except_provider_session == revocation_ids.provider_session
        )
    )
    return started <= (entry.floor_ms if spared else entry.not_before_ms)


def _merged(known: Revocation, new: Revocation) -> Revocation:
    earlier, later = (known, new) if new.not_before_ms >= known.not_before_ms else (new, known)
    floor_ms = later.floor_ms
    if later.except_session != NO_ID:
        # In one log the later one has this in its floor. Two histories know nothing of each other.
        is_the_same = earlier.except_session == later.except_session
        floor_ms = max(floor_ms, earlier.floor_ms if is_the_same else earlier.not_before_ms)
    return Revocation(
        type=later.type,
        hashed_id=later.hashed_id,
        not_before_ms=later.not_before_ms,
        expire_ms=max(known.expire_ms, new.expire_ms),
        except_session=later.except_session,
        except_provider_session=later.except_provider_session,
        floor_ms=floor_ms,
    )
