"""A stream of audit events, behind its port."""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import RedisError
from typing_extensions import override

from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.audit.streamed_events import AuditStream

_FIELD = "event"


class RedisAuditStream(AuditStream):
    """A stream called `name`, of about the last `max_entries`, over a connection that nothing else uses."""

    def __init__(self, scripts: Scripts, name: str, *, max_entries: int) -> None:
        self._client = scripts.client(Lane.AUDIT)
        self._name = name
        self._max_entries = max_entries

    @override
    async def append(self, entries: Sequence[str]) -> None:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for entry in entries:
                    pipeline.xadd(self._name, {_FIELD: entry}, maxlen=self._max_entries, approximate=True)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise StoreUnavailableError from error
