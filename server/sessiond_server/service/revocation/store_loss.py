"""What is refused because the store has lost everything, and nobody has made up for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.revocations import Break, LogPage

# Whoever has read a log to its end so shortly before it was lost knows what it had: nothing is revoked while
# a store is away.
_KNOWS_FOR_MS: Final = 300_000


class StoreLoss:
    """Knows for each partition whether its log may have lost revocations that nobody here knows.

    That is so for a log that is younger than a token may be, unless a server that knew the one before has
    written again what it knew; such a server itself goes by that. Nobody can tell a store that was emptied
    from one that is new.

    `refuses_older` says that every token from before such a log counts as revoked, for as long as one may
    live (`entry_life_ms`).
    """

    def __init__(
        self, *, partitions: Iterable[int], refuses_older: bool, entry_life_ms: int, logger: Logger
    ) -> None:
        self._refuses_older = refuses_older
        self._entry_life_ms = entry_life_ms
        self._logger = logger
        self._read_ms: dict[int, float] = dict.fromkeys(partitions, -math.inf)
        self._refused_ms = dict.fromkeys(self._read_ms, 0)
        # Of each partition the incarnation, and the last one whose predecessor is known here.
        self._incarnations: dict[int, bytes] = {}
        self._known: dict[int, bytes] = {}

    def take(self, partition: int, page: LogPage) -> None:
        """Take in what a page tells of when its log began."""
        incarnation = self._incarnations[partition] = page.position.incarnation
        if page.broken_by is Break.INCARNATION and self._read_ms[partition] >= page.born_ms - _KNOWS_FOR_MS:
            self._known[partition] = incarnation
        if page.reached_head:
            self._read_ms[partition] = page.store_ms
        is_over = page.born_ms <= page.store_ms - self._entry_life_ms
        refused_ms = 0 if is_over or self.knows(partition) or not self._refuses_older else page.born_ms
        if refused_ms and not self._refused_ms[partition]:
            self._logger.warning(
                "the store is new, or was emptied: tokens from before count as revoked", partition=partition
            )
        self._refused_ms[partition] = refused_ms

    def refuses(self, partition: int, started_ms: int | None) -> bool:
        """Whether a token that counts from `started_ms` may have been revoked in a log that was lost."""
        refused_ms = self._refused_ms[partition]
        return refused_ms > 0 and (started_ms is None or started_ms <= refused_ms)

    def knows(self, partition: int) -> bool:
        """Whether this server knows what the log had before it was lost."""
        return partition in self._known and self._known[partition] == self._incarnations[partition]
