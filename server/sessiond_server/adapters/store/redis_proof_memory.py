"""Used DPoP proofs, shared by all servers; each is forgotten when it would be too old anyway."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.partitions import PROOF_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import RECALL, REMEMBER
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.proofs import ProofMemory


class RedisProofMemory(ProofMemory):
    """A key for each proof, which expires by itself."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    async def remember(self, hashed_proof: bytes, *, seconds: float) -> bool:
        partition, life_ms = self._partitions.of_proof(hashed_proof), int(seconds * 1000)
        return await self._scripts.run(REMEMBER, partition, proof=_key(hashed_proof), life_ms=life_ms)

    @override
    async def knows(self, hashed_proof: bytes) -> bool:
        partition = self._partitions.of_proof(hashed_proof)
        return await self._scripts.run(RECALL, partition, proof=_key(hashed_proof))


def _key(hashed_proof: bytes) -> str:
    return f"{PROOF_KEY}{hashed_proof.hex()}"
