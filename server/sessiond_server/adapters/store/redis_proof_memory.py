"""Used DPoP proofs, shared by all servers; each is forgotten when it would be too old anyway."""

from __future__ import annotations

from sessiond_server.adapters.store.client import Scripts


class RedisProofMemory:
    """Implements `ProofMemory`; a proof's own id places it, so that it is found whatever it was used for."""

    def __init__(self, scripts: Scripts, *, partitions: int) -> None:
        self._scripts = scripts
        self._partitions = partitions

    async def remember(self, hashed_proof: bytes, *, seconds: float) -> bool:
        """See `ProofMemory.remember`."""
        milliseconds = int(seconds * 1000)
        return bool(await self._scripts.run("remember", self._partition_of(hashed_proof), milliseconds, keys=_keys(hashed_proof)))

    async def knows(self, hashed_proof: bytes) -> bool:
        """See `ProofMemory.knows`."""
        return bool(await self._scripts.run("recall", self._partition_of(hashed_proof), keys=_keys(hashed_proof)))

    def _partition_of(self, hashed_proof: bytes) -> int:
        return hashed_proof[0] % self._partitions


def _keys(hashed_proof: bytes) -> list[str]:
    return [f"j:{hashed_proof.hex()}"]
