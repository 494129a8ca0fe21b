"""The name of a key by its content (RFC 7638)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sessiond_server.domain.base64url import to_base64url

# The members of a public JWK that identify it, in the order that RFC 7638 §3.2 wants.
_MEMBERS: Final = MappingProxyType(
    {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """SHA-256 over the key's required members, base64url; for keys of the kinds EC, OKP and RSA."""
    members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    return to_base64url(
        hashlib.sha256(json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()).digest()
    )
