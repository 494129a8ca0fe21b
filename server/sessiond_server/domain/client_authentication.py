"""How our clients show providers who they are."""

from __future__ import annotations

from enum import StrEnum


class AssertionAudience(StrEnum):
    """Whom an assertion of who we are is for; any other text names it itself (RFC 7523 §3)."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105 - a name, and no password
    ENDPOINT = "endpoint"


# As the `kid` of an assertion: the name that the key has by its content, whichever key it is (RFC 7638).
THUMBPRINT = "thumbprint"
