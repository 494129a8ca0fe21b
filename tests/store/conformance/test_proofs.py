"""Used proofs: remembered once, wherever they are placed, and for as long as they could be used again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.store import Store

PROOFS = [bytes([first]) * 16 for first in range(6)]


async def test_a_proof_is_remembered_once(store: Store) -> None:
    proofs = store.stores.proofs
    for proof in PROOFS:
        assert not await proofs.knows(proof)
        found = await asyncio.gather(*(proofs.remember(proof, seconds=60) for _ in range(10)))
        assert found.count(True) == 1
        assert await proofs.knows(proof)


async def test_a_proof_is_forgotten_by_itself(store: Store) -> None:
    await store.stores.proofs.remember(PROOFS[0], seconds=60)
    (key,) = await store.redis.keys("*}j:*")
    assert 0 < await store.redis.pttl(key) <= 60_000
