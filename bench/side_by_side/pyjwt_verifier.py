"""Access tokens verified as PyJWT's documentation shows it, with the issuer's key set by PyJWKClient."""

from __future__ import annotations

from typing import Any

import jwt


class PyJwtVerifier:
    """It has PyJWKClient's defaults: the key set is kept for 300 seconds."""

    def __init__(self, key_set: str, issuer: str) -> None:
        self._keys, self._issuer = jwt.PyJWKClient(key_set), issuer

    def verify(self, token: str) -> dict[str, Any]:
        """The header of a good token, and its claims as `payload`.

        Raises:
            jwt.PyJWTError: signature, issuer or times are wrong, or the key is unknown.
        """
        found: dict[str, Any] = jwt.decode_complete(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=["ES256"],
            issuer=self._issuer,
            # The issuer's tokens are for no audience in particular.
            options={"require": ["exp", "iat"], "verify_aud": False},
        )
        return found
