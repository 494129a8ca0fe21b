"""Proofs of possession: RFC 8705 §3, RFC 9449 §4.3 and §7.1, item by item."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.domain.binding import CertificateBinding, DpopBinding, confirmation_of, is_request_url
from sessiond_server.service.possession import Possession

TOKEN = b"header.payload.signature"
URL = "https://api.example/orders"
NOW = time.time()
KEY = generate_private_key(SECP256R1())
JWK = {name: value for name, value in SigningKey(KEY).jwk.items() if name in {"kty", "crv", "x", "y"}}
ABSENT = object()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def proof(header: dict[str, Any] | None = None, *, key: Any = KEY, algorithm: str = "ES256", **claims: Any) -> bytes:
    """A good proof but for what is given."""
    payload = {"jti": "1", "htm": "GET", "htu": URL, "iat": int(NOW), "ath": b64(hashlib.sha256(TOKEN).digest())} | claims
    headers = {"typ": "dpop+jwt", "jwk": JWK} | (header or {})
    return jwt.encode(
        {name: value for name, value in payload.items() if value is not ABSENT},
        key,
        algorithm=algorithm,
        headers={name: value for name, value in headers.items() if value is not ABSENT},
    ).encode()


@dataclass
class Memory:
    """What has been used, as far as one test knows."""

    used: set[bytes] = field(default_factory=set)

    async def remember(self, _placing_byte: int, hashed_proof: bytes, *, seconds: float) -> bool:
        assert seconds >= 60
        is_new = hashed_proof not in self.used
        self.used.add(hashed_proof)
        return is_new


def possession(memory: Memory | None = None) -> Possession:
    clock = SimpleNamespace(now=lambda: NOW, steady=lambda: NOW)
    return Possession(read_proof=read_proof, memory=memory or Memory(), clock=clock)


def bound(cnf: Any) -> Any:
    return SimpleNamespace(payload={"cnf": cnf}, is_bound=True, issuer="https://a", subject="s")


async def is_proven(raw: bytes, *, method: str = "GET", url: str = URL, cnf: Any = None, memory: Memory | None = None) -> bool:
    claims = bound(cnf or {"jkt": thumbprint(JWK)})
    return await possession(memory).is_proven(claims, token=TOKEN, binding=DpopBinding(raw, method, url))


async def test_a_good_proof_proves() -> None:
    assert await is_proven(proof())


async def test_a_token_that_is_bound_to_nothing_needs_none() -> None:
    bearer = SimpleNamespace(is_bound=False)
    assert await possession().is_proven(bearer, token=TOKEN, binding=None)  # type: ignore[arg-type]


async def test_a_bound_token_is_never_a_bearer_token() -> None:
    for cnf in ({"jkt": thumbprint(JWK)}, {"x5t#S256": "x"}):
        assert not await possession().is_proven(bound(cnf), token=TOKEN, binding=None)


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat", "ath"])
async def test_each_claim_must_be_there(name: str) -> None:
    assert not await is_proven(proof(**{name: ABSENT}))


@pytest.mark.parametrize("value", [None, 7, "", [], {}, True, "x" * 3000])
@pytest.mark.parametrize("name", ["jti", "htm", "htu", "ath"])
async def test_each_claim_is_text(name: str, value: Any) -> None:
    assert not await is_proven(proof(**{name: value}))


@pytest.mark.parametrize("typ", ["jwt", "at+jwt", "", None, 7, ABSENT, "dpop+jwts", "DPoP\u212awt"])
async def test_the_type_is_that_of_a_proof(typ: Any) -> None:
    assert not await is_proven(proof({"typ": typ}))


@pytest.mark.parametrize("typ", ["DPoP+JWT", "application/dpop+jwt"])
async def test_a_media_type_is_compared_without_regard_to_case(typ: str) -> None:
    assert await is_proven(proof({"typ": typ}))


async def test_only_asymmetric_algorithms_prove() -> None:
    secret = "s" * 32
    assert not await is_proven(proof(key=secret, algorithm="HS256"))
    assert not await is_proven(proof({"jwk": {"kty": "oct", "k": b64(secret.encode())}}, key=secret, algorithm="HS256"))
    assert not await is_proven(proof(key=None, algorithm="none"))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(generate_rsa(65537, 2048), "RS256"), (generate_rsa(65537, 2048), "PS256"), (Ed25519PrivateKey.generate(), "EdDSA")],
)
async def test_other_kinds_of_keys_prove_too(key: Any, algorithm: str) -> None:
    jwk = {name: value for name, value in SigningKey(key).jwk.items() if name in {"kty", "crv", "x", "n", "e"}}
    raw = proof({"jwk": jwk}, key=key, algorithm=algorithm)
    assert await is_proven(raw, cnf={"jkt": thumbprint(jwk)})
    assert not await is_proven(raw)


async def test_the_key_in_the_proof_signs_it() -> None:
    assert not await is_proven(proof(key=generate_private_key(SECP256R1())))


async def test_a_private_or_weak_key_proves_nothing() -> None:
    private = {**JWK, "d": b64(KEY.private_numbers().private_value.to_bytes(32))}
    assert not await is_proven(proof({"jwk": private}))
    weak = generate_rsa(65537, 1024)
    numbers = weak.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(128)), "e": "AQAB"}
    signing_input = ".".join(b64(json.dumps(part).encode()) for part in ({"typ": "dpop+jwt", "alg": "RS256", "jwk": jwk}, {}))
    assert read_proof(f"{signing_input}.{b64(bytes(128))}".encode()) is None


@pytest.mark.parametrize("jwk", [None, "key", [], {}, {"kty": "EC"}, {**JWK, "crv": "P-384"}, {**JWK, "x": JWK["y"]}, ABSENT])
async def test_what_is_no_key_proves_nothing(jwk: Any) -> None:
    assert not await is_proven(proof({"jwk": jwk}))


@pytest.mark.parametrize("name", ["jku", "x5u", "x5c", "crit", "b64", "zip", "cty"])
async def test_parameters_that_are_never_accepted(name: str) -> None:
    header, payload, signature = proof().decode().split(".")
    decoded = json.loads(base64.urlsafe_b64decode(header + "=="))
    signing_input = f"{b64(json.dumps({**decoded, name: ['x']}).encode())}.{payload}"
    raw = f"{signing_input}.{b64(SigningKey(KEY).sign(signing_input.encode()))}"
    assert not await is_proven(raw.encode())
    assert signature


@pytest.mark.parametrize("method", ["get", "POST", "GET "])
async def test_the_method_is_that_of_the_request(method: str) -> None:
    assert not await is_proven(proof(htm=method))


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://API.example/orders",
        "https://api.example:443/orders",
        "https://api.example/orders?x=1",
        "https://api.example/orders#x",
    ],
)
async def test_the_url_is_compared_in_its_normal_form(url: str) -> None:
    assert await is_proven(proof(htu=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/orders",
        "https://api.example/Orders",
        "https://api.example/orders/",
        "https://api.example:444/orders",
        "https://evil.example/orders",
        "https://api.example.evil/orders",
        "https://x@api.example/orders",
        "/orders",
        "api.example/orders",
        "https://[::1/orders",
        "https://api.example:99999/orders",
    ],
)
async def test_another_url_is_another_request(url: str) -> None:
    assert not await is_proven(proof(htu=url))


async def test_a_url_without_a_path_is_its_root() -> None:
    assert await is_proven(proof(htu="https://api.example"), url="https://api.example/")


@pytest.mark.parametrize(("age", "proves"), [(0, True), (59, True), (61, False), (3600, False), (-4, True), (-6, False)])
async def test_a_proof_is_good_for_a_minute(age: int, *, proves: bool) -> None:
    assert await is_proven(proof(iat=int(NOW) - age)) is proves


@pytest.mark.parametrize("iat", ["1700000000", True, None, -1, 1e300])
async def test_the_time_is_a_number(iat: Any) -> None:
    assert not await is_proven(proof(iat=iat))


async def test_a_proof_is_for_one_token() -> None:
    assert not await is_proven(proof(ath=b64(hashlib.sha256(b"another").digest())))
    assert not await is_proven(proof(ath=hashlib.sha256(TOKEN).hexdigest()))


async def test_a_proof_is_good_once() -> None:
    memory, raw = Memory(), proof()
    assert await is_proven(raw, memory=memory)
    assert not await is_proven(raw, memory=memory)
    # The same id under another signature is the same proof.
    assert not await is_proven(proof(iat=int(NOW) - 1), memory=memory)
    assert await is_proven(proof(jti="2"), memory=memory)


async def test_what_does_not_fit_spends_no_proof() -> None:
    memory, raw = Memory(), proof()
    assert not await is_proven(raw, method="POST", memory=memory)
    assert await is_proven(raw, memory=memory)


@pytest.mark.parametrize("raw", [b"", b"x", b"a.b", b"a.b.c.d", b"..", b"e30.e30.e30", b"\xff.e30.e30", b"e30." * 2000])
async def test_garbage_proves_nothing(raw: bytes) -> None:
    assert not await is_proven(raw)


async def test_a_proof_of_more_than_4_kib_is_not_looked_at() -> None:
    assert not await is_proven(proof(extra="x" * 4096))


@pytest.mark.parametrize(
    "cnf",
    [
        None,
        "text",
        [],
        {},
        {"jkt": 7},
        {"kid": "k"},
        {"jwk": JWK},
        {"jkt": thumbprint(JWK), "x5t#S256": "x"},
        {"jkt": thumbprint(JWK), "other": 1},
    ],
)
async def test_a_confirmation_of_another_kind_cannot_be_proven(cnf: Any) -> None:
    claims = bound(cnf)
    assert confirmation_of(claims) is None
    assert not await possession().is_proven(claims, token=TOKEN, binding=DpopBinding(proof(), "GET", URL))


async def test_a_certificate_proves_the_token_that_is_bound_to_it() -> None:
    digest = hashlib.sha256(b"certificate").digest()
    claims = bound({"x5t#S256": b64(digest)})
    assert await possession().is_proven(claims, token=TOKEN, binding=CertificateBinding(digest))
    for other in (CertificateBinding(bytes(32)), DpopBinding(proof(), "GET", URL), None):
        assert not await possession().is_proven(claims, token=TOKEN, binding=other)


@pytest.mark.parametrize("spelling", [lambda text: text + "=", lambda text: " " + text, lambda text: text.upper(), lambda _: ""])
async def test_a_thumbprint_has_one_spelling(spelling: Any) -> None:
    digest = hashlib.sha256(b"certificate").digest()
    claims = bound({"x5t#S256": spelling(b64(digest))})
    assert not await possession().is_proven(claims, token=TOKEN, binding=CertificateBinding(digest))


async def test_a_certificate_does_not_prove_a_key() -> None:
    claims = bound({"jkt": thumbprint(JWK)})
    assert not await possession().is_proven(claims, token=TOKEN, binding=CertificateBinding(bytes(32)))


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
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n"
        "91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint({"kty": "RSA", "e": "AQAB", "n": modulus, "alg": "RS256"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
