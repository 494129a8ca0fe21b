"""The port of the DPoP proofs that have been used."""

from __future__ import annotations

from typing import Protocol


class ProofMemory(Protocol):
    """The DPoP proofs that have been used, at any server.

    Raises `StoreUnavailableError` where that cannot be told now.
    """

    async def remember(self, hashed_proof: bytes, *, seconds: float) -> bool:
        """Remember a proof for a while, in one atomic step; False where it is remembered already."""

    async def knows(self, hashed_proof: bytes) -> bool:
        """Whether a proof is remembered."""
