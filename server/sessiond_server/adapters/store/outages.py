"""When the store did not answer this server; other servers may have had it all the while."""

from __future__ import annotations

from collections import defaultdict, deque
from functools import partial

from sessiond_server.adapters.store.formats import OUTAGE
from sessiond_server.adapters.store.limits import MAX_OUTAGES, OUTAGE_MS


class Outages:
    """The latest ones of each partition, by the store's clock.

    They are the gaps between answers that this server has all the time, because it reads the log. A store
    whose clock was set ahead seems to have had one too.
    """

    def __init__(self) -> None:
        self._last_ms: dict[int, int] = {}
        self._known: dict[int, deque[bytes]] = defaultdict(partial(deque, maxlen=MAX_OUTAGES))

    def answered(self, partition: int, store_ms: int) -> None:
        """The store has answered, and its clock showed `store_ms` then."""
        self._known[partition].extend(self._current(partition, store_ms))
        self._last_ms[partition] = store_ms

    def packed(self, partition: int, now_ms: int | None) -> bytes:
        """All that are known, as scripts read them, with the one that goes on where it is `now_ms` there."""
        return b"".join((*self._known[partition], *self._current(partition, now_ms)))

    def _current(self, partition: int, now_ms: int | None) -> tuple[bytes, ...]:
        last_ms = self._last_ms.get(partition)
        if last_ms is None or now_ms is None or now_ms - last_ms < OUTAGE_MS:
            return ()
        return (OUTAGE.pack(last_ms, now_ms),)
