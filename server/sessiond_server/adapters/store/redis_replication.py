"""Whether writes reach a replica, behind its port."""

from __future__ import annotations

from typing import Final

from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from typing_extensions import override

from sessiond_server.adapters.store.partitions import REPLICATED_KEY, key_in
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.store_errors import NotReplicatedError, kind_of
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.replication import Replication

# For so long a store that has lost its replicas is known to have had them.
_KNOWN_FOR_MS: Final = 30 * 24 * 3_600_000


class RedisReplication(Replication):
    """Writes one key in each partition, which is all that there is of it."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._errors = scripts.errors

    @override
    async def write_trifle(self, partition: int) -> bool:
        try:
            return await self._write(partition, key_in(partition, REPLICATED_KEY))
        except NotReplicatedError:
            return False
        except (RedisError, OSError) as error:
            self._errors.met(kind_of(error) or "other")
            # It has answered, and takes no writes.
            if isinstance(error, ResponseError):
                return False
            raise StoreUnavailableError from error

    async def _write(self, partition: int, key: str) -> bool:
        send = self._scripts.send_replicated
        try:
            await send(partition, "SET", key, b"", "PX", _KNOWN_FOR_MS)
        except OutOfMemoryError:
            # What takes no memory is a write too, where the key is there.
            return bool(await send(partition, "PEXPIRE", key, _KNOWN_FOR_MS))
        return True
