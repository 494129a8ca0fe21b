"""Proofs of possession (RFC 8705 §3, RFC 9449 §4.3 and §7.1).

`tests/vectors` has the single cases; here is what is more than a case.
"""

from __future__ import annotations

import hashlib
import time
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.confirmation import ClientCertificate, DpopProof, confirmation_of, is_request_url
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from tests.support.fakes import FakeClock
from tests.support.proofs import Prover
from tests.support.vectors import UsedProofs

TOKEN = b"header.payload.signature"
URL = "https://api.example/orders"
NOW = time.time()
PROVER = Prover(generate_private_key(SECP256R1()))


def proof(**claims: Any) -> bytes:
    """A good proof, except for what is given."""
    return PROVER.proof(
        "GET", URL, token=TOKEN.decode(), **{"jti": "1", "iat": int(NOW)} | claims
    ).proof.encode()


def possession(memory: UsedProofs | None = None) -> ProofOfPossession:
    return ProofOfPossession(read_proof=read_proof, memory=memory or UsedProofs(), clock=FakeClock(NOW))


def bound(cnf: Any) -> Any:
    return SimpleNamespace(
        confirmation=confirmation_of({"cnf": cnf}), is_bound=True, issuer="https://a", subject="s"
    )


async def is_proven(
    raw: bytes, *, method: str = "GET", url: str = URL, memory: UsedProofs | None = None
) -> bool:
    claims = bound({"jkt": PROVER.thumbprint})
    return await possession(memory).is_proven(claims, token=TOKEN, proof=DpopProof(raw, method, url))


async def test_a_good_proof_proves() -> None:
    assert await is_proven(proof())


async def test_a_url_without_a_path_is_its_root() -> None:
    assert await is_proven(proof(htu="https://api.example"), url="https://api.example/")


async def test_a_proof_is_good_once() -> None:
    memory, raw = UsedProofs(), proof()
    assert await is_proven(raw, memory=memory)
    assert not await is_proven(raw, memory=memory)
    # The same id under another signature is the same proof.
    assert not await is_proven(proof(iat=int(NOW) - 1), memory=memory)
    assert await is_proven(proof(jti="2"), memory=memory)


@pytest.mark.parametrize("first", [-12, -5, 0, 5, 12])
@pytest.mark.parametrize("second", [-12, -5, 0, 5, 12])
async def test_no_two_servers_take_a_proof_however_their_clocks_are_wrong(first: int, second: int) -> None:
    """RFC9449-11.1: `first` and `second` say by how many seconds the clock of each server is ahead."""
    store, claims, given = FakeClock(NOW), bound({"jkt": PROVER.thumbprint}), DpopProof(proof(), "GET", URL)
    memory = UsedProofs(store)
    accepted = 0
    for seconds in range(-20, 100):
        store.at = NOW + seconds
        for ahead in (first, second):
            server = ProofOfPossession(
                read_proof=read_proof, memory=memory, clock=FakeClock(store.at + ahead)
            )
            accepted += await server.is_proven(claims, token=TOKEN, proof=given)
    assert accepted == 1


async def test_what_does_not_fit_spends_no_proof() -> None:
    memory, raw = UsedProofs(), proof()
    assert not await is_proven(raw, method="POST", memory=memory)
    assert await is_proven(raw, memory=memory)


async def test_a_certificate_proves_the_token_that_is_bound_to_it() -> None:
    digest = hashlib.sha256(b"certificate").digest()
    claims = bound({"x5t#S256": to_base64url(digest)})
    assert await possession().is_proven(claims, token=TOKEN, proof=ClientCertificate(digest))
    for other in (ClientCertificate(bytes(32)), DpopProof(proof(), "GET", URL), None):
        assert not await possession().is_proven(claims, token=TOKEN, proof=other)


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        (URL, True),
        ("http://a", True),
        (URL + "?q", False),
        (URL + "#f", False),
        ("ftp://a/b", False),
        ("", False),
        ("//a/b", False),
    ],
)
def test_what_a_request_may_be(url: str, *, is_one: bool) -> None:
    assert is_request_url(url) is is_one


def test_the_thumbprint_of_the_rfc() -> None:
    """RFC 7638 §3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZ"
        "gnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n"
        "91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur"
        "-kEgU8awapJzKnqDKgw"
    )
    assert (
        thumbprint({"kty": "RSA", "e": "AQAB", "n": modulus, "alg": "RS256"})
        == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )
