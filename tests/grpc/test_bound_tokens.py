"""Tokens that are bound to a key, over real channels and a real store."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond import AsyncClient, DpopProof, Reason, Rejection, Session
from sessiond_server.domain.base64url import to_base64url
from tests.support.proofs import Prover

if TYPE_CHECKING:
    import aiohttp

    from tests.support.signing import Signer

URL = "https://api.example/orders"
PROVER = Prover(generate_private_key(SECP256R1()))


def dpop(token: str, proof_id: str) -> DpopProof:
    return PROVER.proof("GET", URL, token=token, jti=proof_id)


def refused(verdict: Any) -> str:
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.BINDING_MISMATCH
    return verdict.www_authenticate


async def test_a_proof_opens_its_token_once(client: AsyncClient, signer: Signer) -> None:
    token = signer.token(cnf={"jkt": PROVER.thumbprint})
    assert refused(await client.validate(token)).startswith("DPoP ")
    proof = dpop(token, f"p-{time.time_ns()}")
    accepted = await client.validate(token, dpop=proof)
    assert isinstance(accepted, Session)
    assert accepted.cache_for is None
    assert refused(await client.validate(token, dpop=proof)).startswith("DPoP ")
    another = signer.token(cnf={"jkt": PROVER.thumbprint}, jti="token-2")
    refused(await client.validate(another, dpop=dpop(token, f"p-{time.time_ns()}")))


async def test_a_certificate_opens_its_tokens_one_at_a_time(client: AsyncClient, signer: Signer) -> None:
    digest = hashlib.sha256(b"certificate").digest()
    bound, bearer = signer.token(cnf={"x5t#S256": to_base64url(digest)}), signer.token()
    for _ in range(2):
        assert isinstance(await client.validate(bound, certificate_sha256=digest), Session)
    refused(await client.validate(bound))
    # A proof is for one token, so a batch takes none.
    first, second = await client.validate_all([bound, bearer])
    assert refused(first).startswith("Bearer ")
    assert isinstance(second, Session)


async def test_an_unknown_confirmation_is_never_a_bearer_token(client: AsyncClient, signer: Signer) -> None:
    for cnf in ({"kid": "k"}, {}, "text", {"jkt": PROVER.thumbprint, "x5t#S256": "x"}):
        refused(await client.validate(signer.token(cnf=cnf), certificate_sha256=bytes(32)))


async def test_what_has_expired_anyway_asks_no_store(
    client: AsyncClient, signer: Signer, web: aiohttp.ClientSession
) -> None:
    async def proofs_asked_for() -> list[str]:
        async with web.get("/metrics") as answer:
            return [
                line
                for line in (await answer.text()).splitlines()
                if 'seconds_count{script="use_proof"}' in line
            ]

    now = int(time.time())
    expired = signer.token(cnf={"jkt": PROVER.thumbprint}, iat=now - 400, exp=now - 100)
    await client.validate(signer.token(cnf={"jkt": PROVER.thumbprint}), dpop=dpop("another", "p"))
    before = await proofs_asked_for()
    verdict = await client.validate(expired, dpop=dpop(expired, f"p-{time.time_ns()}"))
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.EXPIRED
    assert await proofs_asked_for() == before
