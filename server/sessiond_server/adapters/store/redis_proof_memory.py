"""Used DPoP proofs, shared by all servers; each is forgotten when it would be too old anyway."""

from __future__ import annotations

from sessiond_server.adapters.store.client import Scripts


class RedisProofMemory:
    """Implements `ProofMemory`."""

    def __init__(self, scripts: Scripts, *, partitions: int) -> None:
        self._scripts = scripts
        self._partitions = partitions

    async def remember(self, placing_byte: int, hashed_proof: bytes, *, seconds: float) -> bool:
        """See `ProofMemory.remember`."""
        partition = placing_byte % self._partitions
        return bool(await self._scripts.run("remember", partition, int(seconds * 1000), keys=[f"j:{hashed_proof.hex()}"]))
