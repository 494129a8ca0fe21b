"""Whether writes reach a replica, behind its port: a write and `WAIT`, on one connection.

A script cannot wait, and `WAIT` on any other connection says nothing of this write.
"""

from __future__ import annotations

from typing import Final

from redis.exceptions import RedisError
from typing_extensions import override

from sessiond_server.adapters.store.partitions import REPLICATED_KEY, key_in
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.store_errors import kind_of
from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.replication import Replication

_REPLICAS: Final = 1
# The answer has to be here before the connection is given up.
_WAIT_MS: Final = int(TIMEOUT_SECONDS * 1000 * 0.6)
# For so long a store that has lost its replicas is known to have had them.
_KNOWN_FOR_MS: Final = 30 * 24 * 3_600_000


class RedisReplication(Replication):
    """Writes one key in each partition, which is all that there is of it."""

    def __init__(self, scripts: Scripts) -> None:
        self._client = scripts.client(Lane.REPLICATING)
        self._errors = scripts.errors

    @override
    async def write_trifle(self, partition: int) -> bool:
        key = key_in(partition, REPLICATED_KEY)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.set(key, b"")
        # This one is taken by a store without memory too.
        pipeline.pexpire(key, _KNOWN_FOR_MS)
        pipeline.execute_command("WAIT", _REPLICAS, _WAIT_MS)
        try:
            is_set, is_extended, acknowledged = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            self._tell(error)
            raise StoreUnavailableError from error
        for found in (is_set, is_extended, acknowledged):
            if isinstance(found, Exception):
                self._tell(found)
        return is_extended is True and isinstance(acknowledged, int) and acknowledged >= _REPLICAS

    def _tell(self, error: Exception) -> None:
        self._errors.met(kind_of(error) or "other")
