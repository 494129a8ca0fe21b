"""The refresh token: its format, its authenticity, and how the successor is derived.

    sdr1_ base64url( pepper id 4 ‖ session id 16 ‖ generation u32 ‖ secret 32 ‖ tag 16 )

The tag makes every generation's authenticity decidable without the store. The successor's secret is derived
from the presented secret and a random salt that the store keeps, so that all who present the same token get
the same successor, and neither an old dump nor an old token suffices to compute it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId, length_prefixed

ROTATION_SALT_BYTES: Final = 32
SECRET_BYTES: Final = 32
MAX_GENERATION: Final = 2**31
MIN_PEPPER_BYTES: Final = 32

REFRESH_PREFIX: Final = "sdr1_"
# 72 bytes are 96 base64url characters without any bit left over, so that a token has one spelling.
_TEXT: Final = re.compile(r"sdr1_[A-Za-z0-9_-]{96}")
_BODY: Final = struct.Struct(f">4s{SESSION_ID_BYTES}sI{SECRET_BYTES}s")
_TAG_BYTES: Final = 16


class Pepper:
    """A key that only the servers have: without it no token can be made or recognised."""

    __slots__ = ("_audit", "_device", "_next", "_tag", "id")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_PEPPER_BYTES:
            raise ValueError(f"a pepper has {len(secret)} bytes; at least {MIN_PEPPER_BYTES} are needed")
        self.id = _hmac(secret, b"id")[:4]
        self._tag = _hmac(secret, b"tag")
        self._next = _hmac(secret, b"next")
        self._device = _hmac(secret, b"device")
        self._audit = _hmac(secret, b"audit")

    def tag(self, body: bytes) -> bytes:
        """The 16 bytes that prove a token's body."""
        return _hmac(self._tag, body)[:_TAG_BYTES]

    def next_secret(
        self, *, rotation_salt: bytes, session: SessionId, generation: int, secret: bytes
    ) -> bytes:
        """The secret of `generation`, from that of the generation before it."""
        return _hmac(self._next, rotation_salt + session.raw + generation.to_bytes(4, "big") + secret)

    def device_fingerprint(self, *parts: str) -> bytes:
        """16 bytes that are the same for the same caller and device."""
        return _hmac(self._device, length_prefixed(*(part.encode() for part in parts)))[:16]

    def principal(self, hashed_subject: bytes) -> str:
        """A subject as the audit names it: opaque to whoever lacks the pepper, and the same each time.

        It begins with the pepper's id: under another pepper the same subject has another name.
        """
        return f"{self.id.hex()}.{to_base64url(_hmac(self._audit, hashed_subject)[:16])}"


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """An authentic refresh token; its `repr` hides what it is, because that is a secret."""

    pepper: Pepper
    session: SessionId
    generation: int
    secret: bytes

    @classmethod
    def adopting(cls, provider_token: str, *, pepper: Pepper, session: SessionId, salt: bytes) -> Self:
        """The first one of a session that a provider's refresh token has opened.

        Whoever presents that again gets this again. No rotation leads to generation 0.
        """
        presented = hashlib.sha256(provider_token.encode()).digest()
        secret = pepper.next_secret(rotation_salt=salt, session=session, generation=0, secret=presented)
        return cls(pepper, session, 0, secret)

    @property
    def secret_hash(self) -> bytes:
        """What the store keeps of the secret."""
        return hashlib.sha256(self.secret).digest()

    def successor(self, *, pepper: Pepper, rotation_salt: bytes) -> RefreshToken:
        """The next generation under `pepper` and `rotation_salt`."""
        generation = self.generation + 1
        secret = pepper.next_secret(
            rotation_salt=rotation_salt, session=self.session, generation=generation, secret=self.secret
        )
        return RefreshToken(pepper, self.session, generation, secret)

    def reveal(self) -> str:
        """The text that the caller gets."""
        body = _BODY.pack(self.pepper.id, self.session.raw, self.generation, self.secret)
        return REFRESH_PREFIX + to_base64url(body + self.pepper.tag(body))


@dataclass(frozen=True, slots=True)
class UnknownPepper:
    """A token of our form whose pepper this server lacks: only the store can tell whether it is ours."""

    session: SessionId
    pepper_id: bytes


class Peppers:
    """The peppers that this server reads, of which the first signs new tokens."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets:
            raise ValueError("at least one pepper is needed")
        peppers = [Pepper(secret) for secret in secrets]
        self.newest = peppers[0]
        self._by_id = {pepper.id: pepper for pepper in peppers}
        if len(self._by_id) < len(peppers):
            raise ValueError("the same pepper is given twice")

    def find(self, pepper_id: bytes) -> Pepper | None:
        """The pepper with this id."""
        return self._by_id.get(pepper_id)

    def recognise(self, text: str) -> RefreshToken | UnknownPepper | None:
        """Read a presented refresh token; None for what is not authentic.

        The tag is compared in constant time.
        """
        if not _TEXT.fullmatch(text):
            return None
        raw = base64.urlsafe_b64decode(text[len(REFRESH_PREFIX) :])
        body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        pepper_id, session, generation, secret = _BODY.unpack(body)
        pepper = self._by_id.get(pepper_id)
        if pepper is None:
            return UnknownPepper(SessionId(session), pepper_id)
        # No server gives out a generation beyond the last one, whoever may have made its tag.
        if not hmac.compare_digest(tag, pepper.tag(body)) or generation > MAX_GENERATION:
            return None
        return RefreshToken(pepper, SessionId(session), generation, secret)


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
