"""Names of things: session ids, and the hashed ids under which records and revocations are kept.

A claim never becomes part of a key as it is: what is stored and sent is `SHA-256` over length-prefixed parts, so that no two
different ids collide and no character of a claim has a meaning to the store.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.failures import FieldInvalidError

HASHED_ID_BYTES: Final = 16
MARK_ID_BYTES: Final = 8
SESSION_ID_BYTES: Final = 16

_SESSION_ID_PREFIX: Final = "sds_"
# The 22nd character of 16 bytes carries two bits: only these four leave no stray bits behind.
_SESSION_ID: Final = re.compile(r"sds_[A-Za-z0-9_-]{21}[AQgw]")


def length_prefixed(*parts: bytes) -> bytes:
    """Join `parts`, each behind its length as 4 bytes big-endian: an injective encoding."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def hashed_id(kind: str, issuer: str, identifier: str) -> bytes:
    """The 16-byte id of a thing of `kind` at `issuer`: `SHA-256(kind, issuer, identifier)[:16]`, parts length-prefixed."""
    parts = length_prefixed(kind.encode(), issuer.encode(), identifier.encode())
    return hashlib.sha256(parts).digest()[:HASHED_ID_BYTES]


def subject_byte(issuer: str, subject: str) -> int:
    """The byte that places everything of one subject in one partition."""
    return hashlib.sha256(length_prefixed(issuer.encode(), subject.encode())).digest()[0]


def to_base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SessionId:
    """sessiond's own id of a session: 16 bytes, of which the first places it and the rest are random."""

    raw: bytes

    @classmethod
    def mint(cls, issuer: str, subject: str, *, randomness: bytes) -> SessionId:
        """A new id for a session of `subject`; `randomness` is at least 15 bytes."""
        return cls(bytes([subject_byte(issuer, subject)]) + randomness[: SESSION_ID_BYTES - 1])

    @classmethod
    def parse(cls, text: str, *, field: str) -> SessionId:
        """Read `sds_…`; raises `FieldInvalidError` naming `field`."""
        if not _SESSION_ID.fullmatch(text):
            raise FieldInvalidError(
                field,
                found=f"{len(text)} characters that are not a session id",
                allowed="sds_ and 22 base64url characters; a provider's session id goes into provider_session",
            )
        return cls(base64.urlsafe_b64decode(text[len(_SESSION_ID_PREFIX) :] + "=="))

    @classmethod
    def find(cls, text: str) -> SessionId | None:
        """Read `sds_…` where it may be another's id; None if it is not ours."""
        return cls.parse(text, field="") if _SESSION_ID.fullmatch(text) else None

    def __str__(self) -> str:
        """The text that callers see."""
        return _SESSION_ID_PREFIX + to_base64url(self.raw)

    @property
    def placing_byte(self) -> int:
        """Equal for all sessions of one subject; the partition is this modulo the number of partitions."""
        return self.raw[0]

    @property
    def hashed(self) -> bytes:
        """The id under which the record and its revocation are kept."""
        return hashed_id("session", "", str(self))


def principal(issuer: str, subject: str) -> str:
    """The opaque, stable key of a subject at its issuer: for callers to store (RFC 8725 §3.8)."""
    return "sdp_" + to_base64url(hashed_id("principal", issuer, subject))
