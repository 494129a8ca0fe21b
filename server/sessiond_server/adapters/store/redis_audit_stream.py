"""A stream of audit events, behind its port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.audit.streamed_events import AuditStream

_FIELD: Final = "event"


class RedisAuditStream(AuditStream):
    """A stream called `name`, of about the last `max_entries`, over a connection that nothing else uses.

    Its name has no slot in which a cluster would keep it beside the rest: a cluster has no such stream.
    """

    def __init__(self, scripts: Scripts, name: str, *, partitions: Partitions, max_entries: int) -> None:
        self._scripts = scripts
        self._home = partitions.of_the_store()
        self._name = name
        self._max_entries = max_entries

    @override
    async def append(self, entries: Sequence[str]) -> None:
        bound = ("MAXLEN", "~", self._max_entries)
        for entry in entries:
            await self._scripts.send(self._home, Lane.AUDIT, "XADD", self._name, *bound, "*", _FIELD, entry)
