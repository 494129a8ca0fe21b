"""The revocation log behind its port."""

from __future__ import annotations

from typing import Final

from sessiond_server.adapters.store.client import Scripts
from sessiond_server.domain.revocation import CHAIN_START, NO_ID, Position, Revocation
from sessiond_server.service.session_store import LogPage

_PAGE_ENTRIES: Final = 1000
_TRIMMED_ENTRIES: Final = 500


class RedisRevocationLog:
    """Implements `RevocationLog`."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, partition: int, after: Position | None) -> LogPage:
        """See `RevocationLog.read`."""
        known = after or Position(NO_ID, partition, 0, CHAIN_START)
        entries, incarnation, number, tag, continues, reached_head, store_ms = await self._scripts.run(
            "poll", partition, known.number, known.tag, known.incarnation, _PAGE_ENTRIES
        )
        return LogPage(
            revocations=tuple(map(Revocation.unpack, entries)),
            position=Position(incarnation, partition, number, tag.decode()),
            continues=bool(continues),
            reached_head=bool(reached_head),
            store_ms=store_ms,
        )

    async def note_change(self, partition: int) -> None:
        """See `RevocationLog.note_change`."""
        await self._scripts.run("note_change", partition)

    async def trim(self, partition: int) -> None:
        """See `RevocationLog.trim`."""
        await self._scripts.run("trim", partition, _TRIMMED_ENTRIES)
