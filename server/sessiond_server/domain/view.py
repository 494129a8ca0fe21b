"""What one server knows of revocations, and until when that knowledge may be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from sessiond_server.domain.doubts import Doubts
from sessiond_server.domain.ordered_entries import ordered_entries
from sessiond_server.domain.packed_loading import PackedLoading
from sessiond_server.domain.packed_revocations import MAX_PARTITIONS, PackedRevocations
from sessiond_server.domain.revocation import Position, Revocation, to_revision
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.space import Space

# How many revocations are held as objects, for the fastest look-up: 6 MB of them. Beyond that the oldest are
# packed, so many at a time that a call waits for a few milliseconds at most.
RECENT_REVOCATIONS: Final = 16_384
_PACKED_AT_A_TIME: Final = 512


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
        self._doubts = Doubts()
        self._max_recent = max_recent
        self._space = space
        # By partition; most servers never need it.
        self._packed: dict[int, PackedRevocations] = {}
        self._loading: dict[int, PackedLoading] = {}
        # Of which what has expired is to be dropped yet.
        self._unswept: list[PackedRevocations] = []
        self._fresh_until: list[float] = [0.0] * partitions
        self._positions: list[Position | None] = [None] * partitions
        self._revision = ""

    def __len__(self) -> int:
        """How many revocations are held; one that was packed and has changed since may count twice."""
        return self._recently + sum(map(len, self._packed.values()))

    @property
    def _recently(self) -> int:
        return sum(map(len, self._recent))

    @property
    def lacks_room(self) -> bool:
        """Whether far more is held as objects than is to be, because it cannot be packed."""
        return self._recently > 2 * self._max_recent

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
        merged = self._recent[partition][key] = known.merged(revocation) if known else revocation
        if partition in self._doubts:
            self.settle(partition, (key,))
            if merged != revocation:
                self._doubts.add(partition, (key,))

    def find(self, key: bytes) -> Revocation | None:
        """What is known of this hashed id, in the first partition that knows any of it.

        Raises:
            OSError: what is packed cannot be read.
        """
        found = (self._find(partition, key) for partition in range(len(self._recent)))
        return next((one for one in found if one), None)

    def _find(self, partition: int, key: bytes) -> Revocation | None:
        entry = self._recent[partition].get(key)
        if entry is None and partition in self._packed:
            return next(self._packed[partition].find_any((key,)), None)
        return entry

    def doubt(self, partition: int, hashed_ids: Collection[bytes] | None = None) -> None:
        """Put what is held of `partition` in doubt: these ids, or everything."""
        if hashed_ids is None:
            self._doubts.begin(partition, self._recent[partition], self._packed.get(partition))
        else:
            self._doubts.add(partition, hashed_ids)

    def is_in_doubt(self, partition: int) -> bool:
        """Whether anything of `partition` is, or may be."""
        return partition in self._doubts

    def settle(self, partition: int, hashed_ids: Collection[bytes]) -> None:
        """What is held of these ids is in doubt no more; raises `OSError` as `apply` does."""
        self._doubts.settle(partition, hashed_ids)

    def doubted(self, partition: int, *, limit: int) -> list[Revocation] | None:
        """Some of what is in doubt, and None where nothing is any more.

        It looks at a limited number of entries, so that it may find nothing before it comes to the end.

        Raises:
            OSError: what is packed cannot be read.
        """
        return self._doubts.some(partition, limit=limit, find=lambda key: self._find(partition, key))

    def pack(self) -> bool:
        """Pack some of what is held as objects, where that is much; whether it still is.

        Raises:
            OSError: there is no room; everything stays known.
        """
        if self._space is None or self._recently <= self._max_recent:
            return False
        # Of a partition that is being loaded nothing can be packed before that is done.
        sizes = {at: len(recent) for at, recent in enumerate(self._recent) if at not in self._loading}
        partition = max(sizes, key=sizes.__getitem__, default=None)
        if partition is None or not sizes[partition]:
            return False
        recent, held = self._recent[partition], self._packed.get(partition)
        if held is None:
            held = PackedRevocations.of(partition, self._space, partitions=len(self._recent))
        oldest = list(islice(recent.values(), _PACKED_AT_A_TIME))
        held.put(oldest)
        self._packed[partition] = held
        for one in oldest:
            del recent[one.hashed_id]
        return self._recently > self._max_recent

    def load(self, partition: int, *, expected: int) -> PackedLoading | None:
        """Take in a snapshot of `partition`, of about so many entries, until `loaded` or `abandon`.

        None where that is not to be done.
        """
        is_known = self._recent[partition] or partition in self._packed or self._positions[partition]
        if self._space is None or is_known:
            return None
        packed = PackedRevocations.of(partition, self._space, partitions=len(self._recent), expected=expected)
        loading = self._loading[partition] = PackedLoading(packed)
        return loading

    def loaded(self, partition: int) -> None:
        """Make known what was loaded, merged with what has come meanwhile.

        Raises:
            OSError: what is packed cannot be read; it is known all the same.
        """
        packed = self._packed[partition] = self._loading.pop(partition).packed
        recent = self._recent[partition]
        for known in list(packed.find_any(tuple(recent))):
            recent[known.hashed_id] = known.merged(recent[known.hashed_id])

    def abandon(self, partition: int) -> None:
        """Drop what was loaded in part."""
        self._loading.pop(partition, None)

    def entries_of(self, partition: int) -> Iterator[bytes]:
        """What is known of `partition`, packed, in the order of the ids, in pieces.

        It is at least all that was known when this was called. The first step takes long where room is
        lacking.

        Raises:
            OSError: what is packed cannot be read.
        """
        return ordered_entries(dict(self._recent[partition]), self._packed.get(partition))

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
        self._unswept = self._unswept or list(self._packed.values())
        if self._unswept and self._unswept[-1].drop_expired(now_ms=now_ms):
            self._unswept.pop()
        if self._unswept:
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
            if entry is not None and revocation_ids.are_hit_by(entry):
                return True
        if partition not in self._packed:
            return False
        packed = self._packed[partition].find_any(revocation_ids.hashed_ids)
        # What was packed before it changed is passed over: the later entry has it merged in.
        return any(entry.hashed_id not in recent and revocation_ids.are_hit_by(entry) for entry in packed)
