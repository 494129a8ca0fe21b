"""What is held here and may not be in the log any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice

from sessiond_server.domain.packed_revocations import PackedRevocations
from sessiond_server.domain.revocation import Revocation


@dataclass(slots=True)
class _Doubt:
    """Of one partition some ids, and what is packed from this slot on."""

    ids: set[bytes] = field(default_factory=set)
    packed: PackedRevocations | None = None
    next_slot: int = 0


class Doubts:
    """What of each partition is in doubt: a few ids, or everything that was held when a doubt began."""

    def __init__(self) -> None:
        self._of: dict[int, _Doubt] = {}

    def __contains__(self, partition: int) -> bool:
        """Whether anything of `partition` is, or may be."""
        return partition in self._of

    def begin(self, partition: int, hashed_ids: Iterable[bytes], packed: PackedRevocations | None) -> None:
        """From now on these ids, and everything that is packed of `partition`, are in doubt."""
        self._of[partition] = _Doubt(set(hashed_ids), packed)
        if packed:
            packed.doubt()

    def add(self, partition: int, hashed_ids: Iterable[bytes]) -> None:
        """These ids are in doubt too."""
        self._of.setdefault(partition, _Doubt()).ids.update(hashed_ids)

    def settle(self, partition: int, hashed_ids: Collection[bytes]) -> None:
        """These ids are in doubt no more; raises `OSError` where what is packed cannot be read."""
        doubt = self._of.get(partition)
        if doubt is None:
            return
        doubt.ids.difference_update(hashed_ids)
        if doubt.packed:
            for key in hashed_ids:
                doubt.packed.settle(key)

    def some(
        self, partition: int, *, limit: int, find: Callable[[bytes], Revocation | None]
    ) -> list[Revocation] | None:
        """Some of what is in doubt, as `RevocationView.doubted` says; `find` finds what is held of an id."""
        doubt = self._of.get(partition)
        if doubt is None:
            return None
        if doubt.ids:
            held = {key: find(key) for key in islice(doubt.ids, limit)}
            # What has expired meanwhile is gone.
            doubt.ids.difference_update(key for key, one in held.items() if one is None)
            return [one for one in held.values() if one]
        if doubt.packed:
            return self._some_packed(doubt, doubt.packed, limit=limit)
        del self._of[partition]
        return None

    def _some_packed(self, doubt: _Doubt, packed: PackedRevocations, *, limit: int) -> list[Revocation]:
        found, following = packed.doubted_from(doubt.next_slot)
        if found:
            return found[:limit]
        if following is None:
            packed.end_doubt()
            doubt.packed = None
        else:
            doubt.next_slot = following
        return []
