"""DPoP proofs as a client makes them (RFC 9449 §4.2)."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt

from sessiond import DpopProof
from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.domain.base64url import to_base64url


@dataclass(frozen=True)
class Prover:
    """Somebody who has a P-256 key."""

    key: Any

    @property
    def jwk(self) -> dict[str, str]:
        return {
            name: value
            for name, value in SigningKey(self.key).jwk.items()
            if name in {"kty", "crv", "x", "y"}
        }

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.jwk)

    def proof(self, method: str, url: str, *, token: str | None = None, **claims: Any) -> DpopProof:
        """A new proof for a request, and for the token that comes with it; `claims` go over its own."""
        own = {"jti": secrets.token_hex(8), "htm": method, "htu": url, "iat": int(time.time())}
        bound = {"ath": to_base64url(hashlib.sha256(token.encode()).digest())} if token else {}
        headers = {"typ": "dpop+jwt", "jwk": self.jwk}
        return DpopProof(
            jwt.encode(own | bound | claims, self.key, algorithm="ES256", headers=headers), method, url
        )
