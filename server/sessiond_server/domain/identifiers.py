"""Names of things: session ids, and the hashed ids under which records and revocations are kept.

A claim never becomes part of a key as it is: what is stored and sent is `SHA-256` over length-prefixed parts,
so that no two different ids collide and no character of a claim has a meaning to the store.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.base64url import decode_text, to_base64url

HASHED_ID_BYTES: Final = 16
SESSION_ID_BYTES: Final = 16

_SESSION_ID_PREFIX: Final = "sds_"
# The 22nd character of 16 bytes carries two bits: only these four leave no stray bits behind.
_SESSION_ID: Final = re.compile(r"sds_[A-Za-z0-9_-]{21}[AQgw]")


def length_prefixed(*parts: bytes) -> bytes:
    """Join `parts`, each preceded by its length as 4 bytes big-endian: an injective encoding."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def hashed_id(kind: str, issuer: str, identifier: str) -> bytes:
    """The hashed id, of 16 bytes, of a thing of `kind` at `issuer`.

    It is `SHA-256(kind, issuer, identifier)[:16]`, where each part is preceded by its length.
    """
    parts = length_prefixed(kind.encode(), issuer.encode(), identifier.encode())
    return hashlib.sha256(parts).digest()[:HASHED_ID_BYTES]


def subject_byte(issuer: str, subject: str) -> int:
    """The byte that places everything of one subject in one partition."""
    return hashlib.sha256(length_prefixed(issuer.encode(), subject.encode())).digest()[0]


@dataclass(frozen=True, slots=True)
class SessionId:
    """sessiond's own id of a session: 16 bytes, of which the first places it and the rest are random."""

    raw: bytes

    @classmethod
    def mint(cls, issuer: str, subject: str, *, randomness: bytes) -> SessionId:
        """A new id for a session of `subject`; `randomness` is at least 15 bytes."""
        return cls(bytes([subject_byte(issuer, subject)]) + randomness[: SESSION_ID_BYTES - 1])

    @classmethod
    def find(cls, text: str) -> SessionId | None:
        """Read `sds_…`; None for what is not a session id of sessiond's own."""
        if not _SESSION_ID.fullmatch(text):
            return None
        return cls(decode_text(text[len(_SESSION_ID_PREFIX) :]))

    def __str__(self) -> str:
        """The text that callers see."""
        return _SESSION_ID_PREFIX + to_base64url(self.raw)

    @property
    def placing_byte(self) -> int:
        """A byte that is equal for all sessions of one subject: it places them in one partition."""
        return self.raw[0]

    @property
    def hashed(self) -> bytes:
        """The hashed id under which the record and its revocation are kept."""
        return hashed_id("session", "", str(self))


def principal(issuer: str, subject: str) -> str:
    """The opaque, stable key of a subject at its issuer: for callers to store (RFC 8725 §3.8)."""
    return "sdp_" + to_base64url(hashed_id("principal", issuer, subject))
