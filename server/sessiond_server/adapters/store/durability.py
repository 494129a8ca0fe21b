"""Whether what was acknowledged could be lost: the store's own settings, and the number of its partitions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.scripts.catalogue import PIN_PARTITIONS
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.store_settings import NAMES, remarks_on
from sessiond_server.service.storage.durability import Durability, PartitionsError

_META: Final = "meta"
_NO_EVICTION: Final = "noeviction"


class RedisDurability(Durability):
    """Asks the store for its settings; the number of partitions is kept in the first partition.

    `replicas` is how many of them must have what is acknowledged.
    """

    def __init__(self, scripts: Scripts, *, partitions: Partitions, replicas: int) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._replicas = replicas

    @override
    async def pin_partitions(self) -> None:
        home, wanted = self._partitions.of_the_store(), len(self._partitions)
        found = await self._scripts.run(PIN_PARTITIONS, home, meta=_META, partitions=wanted)
        if found != wanted:
            raise PartitionsError(f"the store has {found} partitions, this server is set to {wanted}")

    @override
    async def faults(self, *, accepted: Collection[str]) -> list[str]:
        found = [await self._faults_of(partition, accepted) for partition in self._partitions]
        # The same node may have many partitions, and many nodes the same fault.
        return list(dict.fromkeys(fault for faults in found for fault in faults))

    @override
    async def remarks(self) -> list[str]:
        found = [await self._remarks_on(partition) for partition in self._partitions]
        return list(dict.fromkeys(remark for remarks in found for remark in remarks))

    async def _remarks_on(self, partition: int) -> list[str]:
        settings = await self._scripts.settings(partition, *NAMES)
        if settings is None:
            return ["the store does not tell all of its settings: allow our user the command config|get"]
        cluster = await self._scripts.information("cluster", partition)
        return list(
            remarks_on(
                settings,
                has_replicas=self._replicas > 0,
                is_cluster=bool(cluster.get("cluster_enabled")),
            )
        )

    async def _faults_of(self, partition: int, accepted: Collection[str]) -> list[str]:
        """What is to be said of the primary that has this partition."""
        sections = ("memory", "persistence", "replication")
        memory, persistence, replication = [
            await self._scripts.information(one, partition) for one in sections
        ]
        if not memory or not persistence or not replication:
            return ["the store does not tell its settings: allow our user the command info"]
        faults = []
        if memory.get("maxmemory_policy") != _NO_EVICTION and "eviction" not in accepted:
            faults.append(
                "the store may evict what it holds: "
                "set maxmemory-policy noeviction, or accept the risk eviction"
            )
        if not persistence.get("aof_enabled") and "no_persistence" not in accepted:
            faults.append(
                "the store forgets when it restarts: set appendonly yes, or accept the risk no_persistence"
            )
        connected = replication.get("connected_slaves", 0)
        if connected < self._replicas:
            faults.append(
                f"only {connected} of {self._replicas} replicas are connected that must have every write: "
                "connect them, or set store.durability to local"
            )
        return faults
