"""The hashed ids by which revocations are told: clients compute them from what a session says of itself."""

from __future__ import annotations

import hashlib
from typing import Final

from sessiond.results import Session
from sessiond.v1 import session_pb2

SIZE: Final = 16
KEY: Final = "key"
# The kind of each `RevocationType`; what is not in here is of a newer server.
KINDS: Final = {
    number: name.removeprefix("REVOCATION_TYPE_").lower()
    for name, number in session_pb2.RevocationType.items()
    if number != session_pb2.REVOCATION_TYPE_UNSPECIFIED
}


def hashed_id(kind: str, issuer: str, identifier: str) -> bytes:
    """`SHA-256(kind, issuer, id)[:16]`, each part behind its length as 4 bytes big-endian."""
    parts = (kind.encode(), issuer.encode(), identifier.encode())
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(framed).digest()[:SIZE]


def of_session(session: Session) -> tuple[bytes, ...]:
    """What can revoke a session's token, as far as the session says it; the key is not among it."""
    issuer = session.issuer
    known = (
        ("session", "", session.session_id),
        ("provider_session", issuer, session.provider_session_id),
        ("token", issuer, session.token_id),
        ("subject", issuer, session.subject),
        ("tenant", issuer, session.tenant_id),
        ("client", issuer, session.client_id),
    )
    named = tuple(hashed_id(kind, of, identifier) for kind, of, identifier in known if identifier)
    return (*named, hashed_id("issuer", issuer, ""))


def of_key(session: Session) -> bytes:
    """The key that signed a session's token; a token without a `kid` has the key without a name."""
    return hashed_id(KEY, session.issuer, session.key_id)


def of_token(token: bytes) -> bytes:
    """A token itself, for what this client learns about it: no server tells of it."""
    return hashlib.sha256(token).digest()[:SIZE]
