"""Whether the store's own settings could lose a revocation that was acknowledged."""

from __future__ import annotations

from collections.abc import Collection

from sessiond_server.adapters.store.client import Scripts

_NO_EVICTION = "noeviction"


async def faults_of_store(scripts: Scripts, *, accepted: Collection[str]) -> list[str]:
    """Why the store should not be trusted with revocations, but for the risks that the operator accepts by name.

    Raises:
        StoreUnavailableError: it does not answer.
    """
    memory, persistence = await scripts.information("memory"), await scripts.information("persistence")
    if not memory or not persistence:
        return ["the store does not tell its settings: allow our user the command info"]
    faults = []
    if memory.get("maxmemory_policy") != _NO_EVICTION and "eviction" not in accepted:
        faults.append("the store may evict what it holds: set maxmemory-policy noeviction, or accept the risk eviction")
    if not persistence.get("aof_enabled") and "no_persistence" not in accepted:
        faults.append("the store forgets when it restarts: set appendonly yes, or accept the risk no_persistence")
    return faults
