"""How the test provider judges an assertion of who a client is (RFC 7523 §3)."""

from __future__ import annotations

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_SECONDS = 300
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]


def read_assertion(form: Any, pem: str, *, audience: str, used: set[str]) -> dict[str, Any] | None:
    """Header and claims of a good assertion by the key in `pem`; None for any other, and for one used before.

    Its audience is one text, which is `audience`.
    """
    assertion, client_id = str(form.get("client_assertion")), form.get("client_id")
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in form:
        return None
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(
            assertion,
            load_pem_public_key(pem.encode()),  # type: ignore[arg-type]
            algorithms=_ALGORITHMS,
            audience=audience,
            issuer=client_id,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"], "strict_aud": True},
        )
    except jwt.InvalidTokenError:
        return None
    is_short = claims["exp"] - time.time() <= LONGEST_SECONDS
    if claims["sub"] != client_id or claims["jti"] in used or not is_short:
        return None
    used.add(claims["jti"])
    return {"header": header, "claims": claims}
