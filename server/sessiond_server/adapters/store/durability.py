"""Whether what was acknowledged could be lost: the store's own settings, and the number of its partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import Partitions, key_in
from sessiond_server.adapters.store.scripts.catalogue import PIN_PARTITIONS
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.store_settings import NAMES, remarks_on
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.durability import Durability, PartitionsError, StoreNode

_META: Final = "meta"
_NO_EVICTION: Final = "noeviction"


class RedisDurability(Durability):
    """Asks the store for its settings; the number of partitions is kept in each, and the first decides.

    `replicas` is how many of them must have what is acknowledged.
    """

    def __init__(self, scripts: Scripts, *, partitions: Partitions, replicas: int) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._replicas = replicas

    @property
    @override
    def partitions(self) -> Iterable[int]:
        return self._partitions

    @override
    async def node_of(self, partition: int) -> StoreNode:
        found = await self._scripts.information("server", partition)
        # Valkey says under the other name which Redis it is like.
        of_valkey = found.get("valkey_version")
        return StoreNode(
            product="valkey" if of_valkey else "redis",
            version=str(of_valkey or found.get("redis_version", "")),
            run_id=str(found.get("run_id", "")),
            now_ms=int(found.get("server_time_usec", 0)) // 1000,
        )

    @override
    async def pin_partitions(self) -> None:
        home, wanted = self._partitions.of_the_store(), len(self._partitions)
        others = [one for one in self._partitions if one != home]
        try:
            found = await self._pin(home)
        except StoreUnavailableError:
            told = await self._number_in(others)
            if told is None:
                raise
            found = told
        if found != wanted:
            raise PartitionsError(f"the store has {found} partitions, this server is set to {wanted}")
        # Whoever starts while the first partition is away finds the number in the others.
        await asyncio.gather(*map(self._pin, others), return_exceptions=True)

    async def _pin(self, partition: int) -> int:
        wanted = len(self._partitions)
        return await self._scripts.run(PIN_PARTITIONS, partition, meta=_META, partitions=wanted)

    async def _number_in(self, partitions: Collection[int]) -> int | None:
        """What those of the partitions say that answer; nothing is written where nobody has said anything."""
        asked = (
            self._scripts.send(one, Lane.CALLS, "HGET", key_in(one, _META), "partitions")
            for one in partitions
        )
        found = await asyncio.gather(*asked, return_exceptions=True)
        return next((int(one) for one in found if isinstance(one, bytes)), None)

    @override
    async def faults(
        self, *, accepted: Collection[str], partitions: Collection[int] | None = None
    ) -> list[str]:
        looked_at = self._partitions if partitions is None else partitions
        found = [await self._faults_of(partition, accepted) for partition in looked_at]
        # The same node may have many partitions, and many nodes the same fault.
        return list(dict.fromkeys(fault for faults in found for fault in faults))

    @override
    async def remarks(self, partitions: Collection[int] | None = None) -> list[str]:
        looked_at = self._partitions if partitions is None else partitions
        found = [await self._scripts.remarks_on_nodes()]
        found += [await self._remarks_on(partition) for partition in looked_at]
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
