"""What a client of ours signs to show who it is (RFC 7523 §3)."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import ECKey

from sessiond_server.adapters.jwt.client_assertion import AlgorithmUnfitError, AssertionKey, ClientAssertions
from sessiond_server.adapters.jwt.verification import KeyUnfitError
from tests.support.fakes import FakeClock

ISSUER = "https://issuer.example"
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_of(key: Any, *, algorithm: str | None = None, key_id: str | None = None) -> AssertionKey:
    return AssertionKey.from_pem(pem(key), algorithm=algorithm, key_id=key_id)


def assertions(key: AssertionKey) -> ClientAssertions:
    numbers = iter(range(100))
    return ClientAssertions(
        "app", lambda: key, now=FakeClock().now, randomness=lambda size: bytes([next(numbers)] * size)
    )


def made(key: AssertionKey, *, is_typed: bool = True) -> str:
    return assertions(key).make(ISSUER, is_typed=is_typed)


def certificate(key: Any) -> bytes:
    name = x509.Name([])
    made_out = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2036, 1, 1, tzinfo=dt.UTC))
        .sign(key, SHA256())
    )
    return made_out.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("key", "algorithm", "told"),
    [
        (EC, None, "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), None, "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512", "ES512"),
        (RSA, None, "RS256"),
        (RSA, "PS256", "PS256"),
        (ED, None, "EdDSA"),
        (ED, "EdDSA", "EdDSA"),
    ],
)
def test_an_independent_library_verifies_it(key: Any, algorithm: str | None, told: str) -> None:
    assertion = made(key_of(key, algorithm=algorithm))
    assert jwt.get_unverified_header(assertion) == {"typ": "client-authentication+jwt", "alg": told}
    claims = jwt.decode(
        assertion,
        key.public_key(),
        algorithms=[told],
        audience=ISSUER,
        options={"strict_aud": True, "verify_iat": False},
    )
    assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}
    assert claims["iss"] == claims["sub"] == "app"
    assert FakeClock().at - claims["iat"] == 5, "a provider's clock may be a little behind"
    assert claims["exp"] - claims["iat"] == 60


def test_the_name_of_rfc_9864_is_told_where_it_is_wanted() -> None:
    assert key_of(ED, algorithm="Ed25519").header == {"alg": "Ed25519"}


def test_each_has_an_id_of_its_own() -> None:
    ours = assertions(key_of(EC))
    ids = {
        jwt.decode(ours.make(ISSUER, is_typed=True), options={"verify_signature": False})["jti"]
        for _ in range(5)
    }
    assert len(ids) == 5
    assert {len(one) for one in ids} == {22}


def test_one_by_the_older_specification_is_any_jwt() -> None:
    assert jwt.get_unverified_header(made(key_of(EC), is_typed=False))["typ"] == "JWT"


def test_the_key_is_named_as_configured_or_by_its_content() -> None:
    assert key_of(EC, key_id="k1").header["kid"] == "k1"
    by_content = key_of(EC, key_id="thumbprint").header["kid"]
    assert by_content == ECKey.import_key(pem(EC)).thumbprint()


def test_a_certificate_behind_the_key_is_told_by_its_hash() -> None:
    certified = pem(RSA) + certificate(RSA)
    header = AssertionKey.from_pem(certified, algorithm="PS256", key_id=None).header
    expected = x509.load_pem_x509_certificate(certificate(RSA)).fingerprint(SHA256())
    assert header == {
        "alg": "PS256",
        "x5t#S256": base64.urlsafe_b64encode(expected).rstrip(b"=").decode(),
    }
    certificate_first = certificate(RSA) + pem(RSA)
    assert AssertionKey.from_pem(certificate_first, algorithm="PS256", key_id=None).header == header


@pytest.mark.parametrize(
    "beside", [certificate(EC), b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_of_another_key_is_refused(beside: bytes) -> None:
    with pytest.raises(KeyUnfitError, match="is not its own"):
        AssertionKey.from_pem(pem(RSA) + beside, algorithm=None, key_id=None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pem(rsa.generate_private_key(65537, 1024)), "between 2048 and 8192 bits"),
        (pem(rsa.generate_private_key(3, 2048)), "exponent"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "curve"),
        (pem(dsa.generate_private_key(2048)), "not an unencrypted PEM private key"),
        (
            EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
            "not an unencrypted PEM private key",
        ),
        (b"nothing", "not an unencrypted PEM private key"),
    ],
)
def test_a_key_that_is_weak_or_none_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(KeyUnfitError, match=why):
        AssertionKey.from_pem(content, algorithm=None, key_id=None)


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "RS256"), (EC, "ES384"), (RSA, "ES256"), (ED, "ES256")])
def test_an_algorithm_of_another_kind_of_key_is_refused(key: Any, algorithm: str) -> None:
    with pytest.raises(AlgorithmUnfitError) as refused:
        key_of(key, algorithm=algorithm)
    assert algorithm not in refused.value.fitting
