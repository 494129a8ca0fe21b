"""What our clients sign to show providers who they are (RFC 7523 §2.2, §3; OpenID Connect Core 1.0 §9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from sessiond_server.adapters.jwt.private_keys import PrivateKey, read_private_key
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.adapters.jwt.verification import PRIMITIVES, KeyUnfitError, fitting_algorithms
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.client_authentication import THUMBPRINT
from sessiond_server.domain.policy import EDDSA, canonical_algorithm

# A type of its own, so that nobody takes it for another token (RFC 8725 §3.11, draft-ietf-oauth-rfc7523bis);
# whoever reads assertions by RFC 7523 alone expects none but this name for any JWT.
_MEDIA_TYPE: Final = "client-authentication+jwt"
_ANY_JWT: Final = "JWT"
_LIFETIME_SECONDS: Final = 60
# Some providers refuse what was issued later than now, and their clocks may be a little behind ours.
_BACKDATED_SECONDS: Final = 5
_TOKEN_ID_BYTES: Final = 16
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"


class AlgorithmUnfitError(KeyUnfitError):
    """The key cannot sign with the algorithm that is wanted; `fitting` are those with which it can."""

    def __init__(self, fitting: tuple[str, ...]) -> None:
        super().__init__("the algorithm is not one of the key's type")
        self.fitting = fitting


class AssertionKey:
    """A private key that a provider knows the public half of, and what its signatures are headed by."""

    __slots__ = ("_key", "_primitive", "algorithm", "header")

    def __init__(self, key: PrivateKey, *, algorithm: str | None, key_id: str | None) -> None:
        fitting = fitting_algorithms(key.public_key())
        if algorithm is not None and canonical_algorithm(algorithm) not in fitting:
            raise AlgorithmUnfitError(fitting)
        chosen = canonical_algorithm(algorithm or fitting[0])
        self._key = key
        self._primitive = PRIMITIVES[chosen]
        # Every provider knows the algorithm as EdDSA; most do not know the name of RFC 9864 yet.
        self.algorithm = algorithm or (EDDSA if chosen == "Ed25519" else chosen)
        self.header: dict[str, str] = {"alg": self.algorithm}
        if key_id == THUMBPRINT:
            key_id = thumbprint(self._primitive.to_jwk(key.public_key(), as_dict=True))
        if key_id is not None:
            self.header["kid"] = key_id

    @classmethod
    def from_pem(cls, pem: bytes, *, algorithm: str | None, key_id: str | None) -> AssertionKey:
        """Read an unencrypted private key: EC on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519.

        Where its certificate stands beside it, assertions name that by its hash (RFC 7515 §4.1.8).

        Raises:
            AlgorithmUnfitError: the key cannot sign with `algorithm`.
            KeyUnfitError: it is something else, or the certificate is another key's.
        """
        key = read_private_key(pem)
        found = cls(key, algorithm=algorithm, key_id=key_id)
        if _CERTIFICATE in pem:
            found.header["x5t#S256"] = _certificate_hash(pem, key)
        return found

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature over `signing_input`."""
        return self._primitive.sign(signing_input, self._key)


class ClientAssertions:
    """Makes assertions of one client, each of them for one request."""

    def __init__(
        self,
        client_id: str,
        key: Callable[[], AssertionKey],
        *,
        now: Callable[[], float],
        randomness: Callable[[int], bytes],
    ) -> None:
        """`key` is asked at every assertion; `now` gives seconds since 1970."""
        self._client_id = client_id
        self._key = key
        self._now = now
        self._randomness = randomness

    @property
    def algorithm(self) -> str:
        """What the key that is in use signs with."""
        return self._key().algorithm

    def make(self, audience: str, *, is_typed: bool) -> str:
        """An assertion for `audience` alone, good for less than a minute; `is_typed` gives it a type."""
        key, issued_at = self._key(), int(self._now()) - _BACKDATED_SECONDS
        header = {"typ": _MEDIA_TYPE if is_typed else _ANY_JWT, **key.header}
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            # A text and no list: the one audience that there may be.
            "aud": audience,
            "jti": to_base64url(self._randomness(_TOKEN_ID_BYTES)),
            "iat": issued_at,
            "exp": issued_at + _LIFETIME_SECONDS,
        }
        signing_input = f"{_segment(header)}.{_segment(claims)}"
        return f"{signing_input}.{to_base64url(key.sign(signing_input.encode()))}"


def _certificate_hash(pem: bytes, key: PrivateKey) -> str:
    try:
        certificate = load_pem_x509_certificate(pem[pem.index(_CERTIFICATE) :])
    except ValueError:
        certificate = None
    if certificate is None or certificate.public_key() != key.public_key():
        raise KeyUnfitError("the certificate beside the private key is not its own")
    return to_base64url(certificate.fingerprint(SHA256()))


def _segment(value: Mapping[str, Any]) -> str:
    return to_base64url(json.dumps(value, separators=(",", ":")).encode())
