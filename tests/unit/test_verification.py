"""One key, one algorithm, one spelling of a signature (RFC 8725 §3.1, RFC 7518 §3)."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from sessiond_server.adapters.jwt.verification import PRIMITIVES, KeyUnfitError, PublicKey, fitting_algorithms
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS

MESSAGE = b"header.payload"
WIDTHS = {"ES256": 32, "ES384": 48, "ES512": 66}
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ORDERS = {algorithm: curve.group_order for algorithm, curve in CURVES.items()}
ALGORITHMS = sorted(PRIMITIVES)


@functools.cache
def private_key(family: str) -> Any:
    if family in CURVES:
        return ec.generate_private_key(CURVES[family])
    if family == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def key_for(algorithm: str) -> Any:
    return private_key(
        "RSA" if algorithm[1:] in ("S256", "S384", "S512") and algorithm[0] in "RP" else algorithm
    )


def public_key(algorithm: str) -> PublicKey:
    return PublicKey(key_for(algorithm).public_key(), algorithm=algorithm)


def sign(algorithm: str, message: bytes = MESSAGE) -> bytes:
    by_pyjwt = get_default_algorithms()["EdDSA" if algorithm == "Ed25519" else algorithm]
    return by_pyjwt.sign(message, key_for(algorithm))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_what_it_signed(algorithm: str) -> None:
    key = public_key(algorithm)
    assert key.algorithm == algorithm
    assert key.verifies(MESSAGE, sign(algorithm))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_refuses_another_message_and_a_changed_signature(algorithm: str) -> None:
    key, signature = public_key(algorithm), sign(algorithm)
    assert not key.verifies(MESSAGE + b"x", signature)
    for place in (0, len(signature) // 2, len(signature) - 1):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not key.verifies(MESSAGE, bytes(changed))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_has_one_width(algorithm: str) -> None:
    key, signature = public_key(algorithm), sign(algorithm)
    for other in (
        b"",
        signature[:-1],
        signature + b"\0",
        b"\0" + signature,
        signature * 2,
        signature + signature[:1],
    ):
        assert not key.verifies(MESSAGE, other)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("other", ALGORITHMS)
def test_a_key_refuses_the_signatures_of_every_other_algorithm(algorithm: str, other: str) -> None:
    if algorithm != other:
        assert not public_key(algorithm).verifies(MESSAGE, sign(other))


@pytest.mark.parametrize("algorithm", WIDTHS)
def test_the_negated_s_is_a_second_signature_of_the_same_token(algorithm: str) -> None:
    """This is why nothing may be revoked by a token's bytes."""
    width, signature = WIDTHS[algorithm], sign(algorithm)
    r, s = signature[:width], int.from_bytes(signature[width:])
    other = r + (ORDERS[algorithm] - s).to_bytes(width)
    assert other != signature
    assert public_key(algorithm).verifies(MESSAGE, other)


@pytest.mark.parametrize("algorithm", WIDTHS)
def test_psychic_signatures_are_refused(algorithm: str) -> None:
    """CVE-2022-21449, and the edges of the range."""
    width, order, key = WIDTHS[algorithm], ORDERS[algorithm], public_key(algorithm)
    edges = [0, 1, order - 1, order, order + 1, 2 ** (8 * width) - 1]
    for r in edges:
        for s in edges:
            assert not key.verifies(MESSAGE, r.to_bytes(width) + s.to_bytes(width))


@pytest.mark.parametrize("algorithm", WIDTHS)
def test_r_and_s_beyond_the_order_are_no_third_spelling(algorithm: str) -> None:
    width, signature = WIDTHS[algorithm], sign(algorithm)
    r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
    if s + ORDERS[algorithm] < 2 ** (8 * width):
        moved = (s + ORDERS[algorithm]).to_bytes(width)
        assert not public_key(algorithm).verifies(MESSAGE, r.to_bytes(width) + moved)


def test_a_der_signature_is_refused() -> None:
    der = key_for("ES256").sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    assert decode_dss_signature(der)
    assert not public_key("ES256").verifies(MESSAGE, der)


def test_every_algorithm_of_the_policy_can_be_verified_and_no_other() -> None:
    assert frozenset(PRIMITIVES) == SIGNATURE_ALGORITHMS


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "ES521", "ES256K", "EdDSA", "rs256", "", "ES256", "Ed25519"]
)
def test_an_rsa_key_is_bound_to_no_algorithm_of_another_family(algorithm: str) -> None:
    with pytest.raises(KeyUnfitError):
        PublicKey(private_key("RSA").public_key(), algorithm=algorithm)


@pytest.mark.parametrize(
    ("family", "algorithm"),
    [("ES256", "ES384"), ("ES384", "ES256"), ("ES256", "RS256"), ("Ed25519", "ES256")],
)
def test_a_curve_has_one_algorithm(family: str, algorithm: str) -> None:
    assert fitting_algorithms(private_key(family).public_key()) == (family,)
    with pytest.raises(KeyUnfitError):
        PublicKey(private_key(family).public_key(), algorithm=algorithm)


@pytest.mark.parametrize(
    "curve", [ec.SECP256K1(), ec.SECP224R1(), ec.BrainpoolP256R1()], ids=lambda curve: curve.name
)
def test_other_curves_are_unfit(curve: ec.EllipticCurve) -> None:
    with pytest.raises(KeyUnfitError, match="curve"):
        PublicKey(ec.generate_private_key(curve).public_key(), algorithm="ES256")


@given(
    st.sampled_from(["RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519"]),
    st.binary(max_size=40),
    st.data(),
)
def test_any_bytes_get_an_answer(algorithm: str, message: bytes, data: st.DataObject) -> None:
    key = public_key(algorithm)
    width = len(sign(algorithm))
    signature = data.draw(st.binary(max_size=8) | st.binary(min_size=width, max_size=width))
    assert key.verifies(message, signature) is False
