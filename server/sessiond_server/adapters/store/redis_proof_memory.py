"""Used DPoP proofs, shared by all servers; each is forgotten when it is too old anyway."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.partitions import PROOF_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import PROBE_PROOF, USE_PROOF
from sessiond_server.adapters.store.scripts.declaration import Script
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.service.storage.proofs import ProofMemory


class RedisProofMemory(ProofMemory):
    """A key for each proof, which expires by itself."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    async def use_up(self, hashed_proof: bytes, *, good_until: float) -> bool:
        return await self._ask(USE_PROOF, hashed_proof, good_until)

    @override
    async def is_usable(self, hashed_proof: bytes, *, good_until: float) -> bool:
        return await self._ask(PROBE_PROOF, hashed_proof, good_until)

    async def _ask(self, script: Script[bool], hashed_proof: bytes, good_until: float) -> bool:
        key = f"{PROOF_KEY}{hashed_proof.hex()}"
        partition = self._partitions.of_proof(hashed_proof)
        return await self._scripts.run(script, partition, proof=key, good_until_ms=int(good_until * 1000))
