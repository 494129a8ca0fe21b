"""What mints the access tokens of the local issuer (RFC 9068), and the keys that go with it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typing_extensions import override

from sessiond_server.adapters.jwt.private_keys import PrivateKey, read_private_key
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.adapters.jwt.verification import PRIMITIVES, PublicKey, fitting_algorithms
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.claims import RESERVED_CLAIMS
from sessiond_server.domain.identifiers import length_prefixed
from sessiond_server.domain.policy import EDDSA
from sessiond_server.domain.session import Login, StoredSession
from sessiond_server.domain.token import ParsedToken
from sessiond_server.service.validation.keys import KeySet, MintedToken, TokenMinter

_MEDIA_TYPE: Final = "at+jwt"
_TOKEN_ID_BYTES: Final = 16


class SigningKey:
    """A private key of the local issuer; its `key_id` is the RFC 7638 thumbprint of its public half."""

    __slots__ = ("_key", "_primitive", "header_segment", "jwk", "key_id", "public_key")

    def __init__(self, key: PrivateKey) -> None:
        algorithm = fitting_algorithms(key.public_key())[0]
        self._key = key
        self._primitive = PRIMITIVES[algorithm]
        self.public_key = PublicKey(key.public_key(), algorithm=algorithm)
        # Every library knows the algorithm as EdDSA; most do not know the name of RFC 9864 yet.
        header_algorithm = EDDSA if algorithm == "Ed25519" else algorithm
        members = self._primitive.to_jwk(key.public_key(), as_dict=True)
        members.pop("key_ops", None)
        self.key_id = thumbprint(members)
        self.jwk: Mapping[str, str] = MappingProxyType(
            {**members, "use": "sig", "alg": header_algorithm, "kid": self.key_id}
        )
        header = {"typ": _MEDIA_TYPE, "alg": header_algorithm, "kid": self.key_id}
        self.header_segment = to_base64url(_compact_json(header).encode())

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Read an unencrypted private key: EC on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519.

        Raises:
            KeyUnfitError: it is something else.
        """
        return cls(read_private_key(pem))

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature over `signing_input`."""
        return self._primitive.sign(signing_input, self._key)


class LocalKeySet(KeySet):
    """The local issuer's own keys, which never change while the server runs."""

    version: int = 1
    good_for_seconds: float = math.inf

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = keys

    @override
    def find(self, key_id: str) -> PublicKey | None:
        return self._keys.get(key_id)

    @override
    async def seek(self, key_id: str, *, waits: bool = True, from_issuer: bool = False) -> PublicKey | None:
        # There is nobody else to ask.
        return self.find(key_id)


class LocalIssuer(TokenMinter):
    """Signs with the first of its keys; the others verify what they signed before they were replaced.

    The issuer that a token names is that of the session's login, whose subject means nothing at any other.
    """

    def __init__(self, keys: Sequence[SigningKey], *, access_lifetime: timedelta) -> None:
        if not keys:
            raise ValueError("the local issuer needs a signing key")
        self._keys = tuple(keys)
        if len({key.key_id for key in keys}) != len(keys):
            raise ValueError("a signing key of the local issuer is given twice")
        self._lifetime_seconds = int(access_lifetime.total_seconds())
        if self._lifetime_seconds < 1:
            raise ValueError("an access token lives at least one second")
        self.key_set = LocalKeySet({key.key_id: key.public_key for key in keys})

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms of its keys."""
        return frozenset(key.public_key.algorithm for key in self._keys)

    @override
    def mint(self, session: StoredSession) -> MintedToken:
        key = self._keys[0]
        payload = _payload(session, lifetime_seconds=self._lifetime_seconds)
        payload_json = _compact_json(payload)
        signing_input = f"{key.header_segment}.{to_base64url(payload_json.encode())}".encode()
        signature = key.sign(signing_input)
        parsed = ParsedToken(
            algorithm=key.public_key.algorithm,
            key_id=key.key_id,
            token_type=_MEDIA_TYPE,
            payload=payload,
            payload_json=payload_json,
            signing_input=signing_input,
            signature=signature,
        )
        return MintedToken(f"{signing_input.decode()}.{to_base64url(signature)}", parsed)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517 §5), for publication."""
        return {"keys": [dict(key.jwk) for key in self._keys]}


def create_signing_key() -> bytes:
    """A new P-256 private key as unencrypted PKCS #8 PEM.

    It is a secret, for a file that only the server can read.
    """
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _payload(session: StoredSession, *, lifetime_seconds: int) -> dict[str, Any]:
    login, issued_at = session.login, session.refreshed_ms // 1000
    audiences = login.audiences
    return {
        **_further_claims(login),
        "iss": login.issuer,
        "sub": login.subject,
        "aud": audiences[0] if len(audiences) == 1 else list(audiences),
        "exp": min(issued_at + lifetime_seconds, session.absolute_expire_ms // 1000),
        "iat": issued_at,
        "jti": _token_id(session),
        "client_id": login.client_id,
        "sid": str(session.id),
        "sct": session.created_ms,
        **_claims_of_the_login(login),
    }


def _further_claims(login: Login) -> dict[str, Any]:
    """The claims that the backend added; none of them may be one that the local issuer writes itself."""
    if not login.claims_json:
        return {}
    further, _ = read_object(login.claims_json.encode())
    return {name: value for name, value in further.items() if name not in RESERVED_CLAIMS}


def _claims_of_the_login(login: Login) -> dict[str, Any]:
    """The claims that are there only if the login has them."""
    claims: dict[str, Any] = {}
    if login.scopes:
        claims["scope"] = " ".join(login.scopes)
    if login.tenant_id is not None:
        claims["tenant_id"] = login.tenant_id
    if login.auth_time is not None:
        claims["auth_time"] = login.auth_time
    if login.acr is not None:
        claims["acr"] = login.acr
    if login.confirmation:
        claims["cnf"] = dict([login.confirmation])
    if login.amr:
        claims["amr"] = list(login.amr)
    return claims


def _token_id(session: StoredSession) -> str:
    """The `jti`, which is the same each time for one generation.

    A repeated refresh therefore brings no second token id to revoke.
    """
    parts = length_prefixed(b"jti", str(session.id).encode(), str(session.generation).encode())
    return to_base64url(hashlib.sha256(parts).digest()[:_TOKEN_ID_BYTES])


def _compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
