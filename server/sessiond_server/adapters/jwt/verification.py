"""Public keys that verify signatures.

They are PyJWT's primitives on cryptography's keys, and nothing else of PyJWT.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from typing_extensions import override

from sessiond_server.adapters.jwt.roca import has_roca_fingerprint
from sessiond_server.service.validation.keys import VerificationKey

CryptographyKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

# The algorithms are written out, so that nothing that PyJWT has or will have by default (none, HS256, ES521,
# ES256K) is within reach.
PRIMITIVES: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
        "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
        "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
        "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
        "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
        "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
        "ES256": ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
        "ES384": ECAlgorithm(ECAlgorithm.SHA384, SECP384R1),
        "ES512": ECAlgorithm(ECAlgorithm.SHA512, SECP521R1),
        "Ed25519": OKPAlgorithm(),
    }
)
_RSA_ALGORITHMS: Final = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
_CURVE_ALGORITHMS: Final = MappingProxyType(
    {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
)
_ED25519_SIGNATURE_BYTES: Final = 64
_MIN_RSA_BITS: Final = 2048
# Above this size the cost of a verification becomes a weapon.
_MAX_RSA_BITS: Final = 8192
_MIN_RSA_EXPONENT: Final = 65_537
_MAX_RSA_EXPONENT: Final = 2**32


class KeyUnfitError(ValueError):
    """The key cannot be used; the message is constant text that says why."""


class AlarmingKeyError(KeyUnfitError):
    """Whoever published the key has made a mistake that endangers what is signed with it."""


class PublicKey(VerificationKey):
    """One public key, bound to one algorithm by its canonical name (RFC 8725 §3.1)."""

    __slots__ = ("_algorithm", "_key", "_primitive", "_signature_bytes")

    def __init__(self, key: CryptographyKey, *, algorithm: str) -> None:
        if algorithm not in fitting_algorithms(key):
            raise KeyUnfitError("the algorithm is not one of the key's type")
        self._algorithm = algorithm
        self._key = key
        self._primitive = PRIMITIVES[algorithm]
        self._signature_bytes = _signature_bytes(key)

    @property
    @override
    def algorithm(self) -> str:
        return self._algorithm

    @override
    def is_same_as(self, other: VerificationKey | None) -> bool:
        if not isinstance(other, PublicKey):
            return False
        return self._algorithm == other.algorithm and bool(self._key == other._key)

    @override
    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        # Only one width is accepted (RFC 7518 §3.4): a DER spelling, or zeros in front, would be a second
        # form of the same signature.
        if len(signature) != self._signature_bytes:
            return False
        return self._primitive.verify(signing_input, self._key, signature)


def fitting_algorithms(key: CryptographyKey) -> tuple[str, ...]:
    """The algorithms that a key of this type, size and curve can be bound to, the likeliest first.

    Raises:
        KeyUnfitError: there is none, because the key is weak, too large or of an unknown curve.
    """
    if isinstance(key, RSAPublicKey):
        _require_sound_rsa(key)
        return _RSA_ALGORITHMS
    if isinstance(key, Ed25519PublicKey):
        return ("Ed25519",)
    algorithm = _CURVE_ALGORITHMS.get(key.curve.name)
    if algorithm is None:
        raise KeyUnfitError("the curve is not one that is used for signatures")
    return (algorithm,)


def _require_sound_rsa(key: RSAPublicKey) -> None:
    """Refuse what is too weak or too expensive (RFC 7518 §3.3, RFC 8725 §3.4, §3.5)."""
    numbers = key.public_numbers()
    if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
        raise KeyUnfitError("the RSA modulus has not between 2048 and 8192 bits")
    if numbers.n % 2 == 0:
        raise KeyUnfitError("the RSA modulus is even")
    if numbers.e % 2 == 0 or not _MIN_RSA_EXPONENT <= numbers.e < _MAX_RSA_EXPONENT:
        raise KeyUnfitError("the RSA exponent is even, or not between 65537 and 2^32")
    if has_roca_fingerprint(numbers.n):
        raise AlarmingKeyError("the RSA modulus can be factored: its generator is broken (CVE-2017-15361)")


def _signature_bytes(key: CryptographyKey) -> int:
    if isinstance(key, Ed25519PublicKey):
        return _ED25519_SIGNATURE_BYTES
    width = (key.key_size + 7) // 8
    return 2 * width if isinstance(key, EllipticCurvePublicKey) else width
