"""The port of the DPoP proofs that have been used."""

from __future__ import annotations

from typing import Protocol


class ProofMemory(Protocol):
    """The DPoP proofs that have been used, at any server.

    It judges by one clock, the store's: until `good_until`, in seconds since 1970, it remembers that a proof
    was used, and from then on it takes the proof from nobody. A server whose clock is wrong can take a proof
    for younger than it is, but not have it accepted twice.

    Raises `StoreUnavailableError` where that cannot be told now.
    """

    async def use_up(self, hashed_proof: bytes, *, good_until: float) -> bool:
        """Use a proof up, in one atomic step; False where it was used before, or is too old."""

    async def is_usable(self, hashed_proof: bytes, *, good_until: float) -> bool:
        """Whether a proof could be used up: it was not used before, and is not too old."""
