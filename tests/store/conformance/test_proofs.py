"""Used proofs: used up once, wherever they are placed, and refused from when they are forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.domain.confirmation import DpopProof
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from tests.support.fakes import FakeClock
from tests.support.proofs import Prover

if TYPE_CHECKING:
    from tests.support.store import Store

PROOFS = [bytes([first]) * 16 for first in range(6)]
URL = "https://app.example/refresh"
PROVER = Prover(generate_private_key(SECP256R1()))


async def test_a_proof_is_used_up_once(store: Store) -> None:
    proofs, good_until = store.stores.proofs, time.time() + 60
    for proof in PROOFS:
        assert await proofs.is_usable(proof, good_until=good_until)
        found = await asyncio.gather(*(proofs.use_up(proof, good_until=good_until) for _ in range(10)))
        assert found.count(True) == 1
        assert not await proofs.is_usable(proof, good_until=good_until)


async def test_a_proof_is_forgotten_when_it_is_too_old_and_not_before(store: Store) -> None:
    """RFC9449-11.1."""
    good_until_ms = int(time.time() * 1000) + 60_000
    await store.stores.proofs.use_up(PROOFS[0], good_until=good_until_ms / 1000)
    (key,) = await store.redis.keys("*}j:*")
    assert await store.redis.pexpiretime(key) == good_until_ms
    store.stop_at(good_until_ms - 1)
    assert await store.stores.proofs.use_up(PROOFS[1], good_until=good_until_ms / 1000)
    store.stop_at(good_until_ms)
    for proof in PROOFS:
        assert not await store.stores.proofs.is_usable(proof, good_until=good_until_ms / 1000)
        assert not await store.stores.proofs.use_up(proof, good_until=good_until_ms / 1000)


@pytest.mark.parametrize("behind_seconds", [0.0, 5.0, 12.0, 3600.0])
async def test_a_server_whose_clock_is_behind_takes_no_proof_that_was_forgotten(
    store: Store, behind_seconds: float
) -> None:
    """RFC9449-11.1: to that server the proof is young, and by the store's clock nobody remembers it."""
    now = time.time()
    text = PROVER.proof("POST", URL, iat=now - 65 - behind_seconds).proof.encode()
    for server_is_at in (now - 65 - behind_seconds, now - behind_seconds):
        possession = ProofOfPossession(
            read_proof=read_proof, memory=store.stores.proofs, clock=FakeClock(server_is_at)
        )
        assert await possession.find_key(DpopProof(text, "POST", URL)) is None


@pytest.mark.parametrize("behind_seconds", [0.0, 4.0])
async def test_a_server_whose_clock_is_a_little_behind_takes_a_proof_that_is_young_to_it(
    store: Store, behind_seconds: float
) -> None:
    now = time.time()
    text = PROVER.proof("POST", URL, iat=now - 59 - behind_seconds).proof.encode()
    possession = ProofOfPossession(
        read_proof=read_proof, memory=store.stores.proofs, clock=FakeClock(now - behind_seconds)
    )
    proven = await possession.find_key(DpopProof(text, "POST", URL))
    assert proven is not None
    assert await possession.spend(proven)
    assert not await possession.spend(proven)
