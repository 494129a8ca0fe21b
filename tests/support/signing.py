"""Tokens as an attacker or a confused issuer would make them.

They have any header, any claims, and a signature that is right or is not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.server import CLIENT_ID, ISSUER

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = object()


@dataclass(frozen=True)
class Signer:
    """Signs with a key, by default as the local issuer does."""

    key: Any
    key_id: str

    @classmethod
    def of(cls, data: Path, key_id: str) -> Signer:
        """The signer of the server whose data directory this is."""
        return cls(load_pem_private_key((data / "signing-key.pem").read_bytes(), password=None), key_id)

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token except for what is given; `ABSENT` leaves a claim or a header parameter out."""
        now = time.time()
        payload = {
            "iss": ISSUER,
            "sub": "alice",
            "aud": CLIENT_ID,
            "client_id": CLIENT_ID,
            "iat": int(now),
            "exp": int(now) + 300,
            "jti": "token-1",
            "sid": "sds_" + 21 * "B" + "A",
            "sct": int(now * 1000),
        } | claims
        headers = {"typ": "at+jwt", "kid": self.key_id, "alg": "ES256"} | (header or {})
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not ABSENT},
            self.key,
            algorithm=headers["alg"],
            headers={name: value for name, value in headers.items() if value is not ABSENT},
        )
