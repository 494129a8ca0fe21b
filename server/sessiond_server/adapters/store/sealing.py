"""Seals what is stored, so that whoever can write the store cannot make a token for someone else."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import SessionId, length_prefixed

MIN_KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
SEALING_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12


class SealingKeys:
    """AES-256-GCM under a key of each session's (or other scope's) own, bound to field, issuer and session.

    A sealed value is version (1 byte) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag. The first of
    `secrets` is the one that seals; each of them opens. `ids` are the ids of all of them, one behind another.
    `missing` is told the id of a key that a session needs and that is not among them.
    """

    def __init__(
        self,
        secrets: Sequence[bytes],
        *,
        randomness: Callable[[int], bytes] = os.urandom,
        missing: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        if not secrets or min(map(len, secrets)) < MIN_KEY_BYTES:
            raise ValueError(f"at least one sealing key of at least {MIN_KEY_BYTES} bytes is needed")
        self._by_id = {sealing_key_id(secret): secret for secret in secrets}
        if len(self._by_id) < len(secrets):
            raise ValueError("the same sealing key is given twice")
        self._newest_id = sealing_key_id(secrets[0])
        self.ids = b"".join(self._by_id)
        self._randomness = randomness
        self._missing = missing

    def seal(self, value: bytes, *, field: str, issuer: str, session: SessionId) -> bytes:
        """Seal `value` so that only `open` with the same field, issuer and session gives it back."""
        return self.seal_for(session.raw, value, field=field, issuer=issuer)

    def seal_for(self, scope: bytes, value: bytes, *, field: str, issuer: str) -> bytes:
        """The same for what belongs to no session: `scope` names what it does belong to."""
        key_id, nonce = self._newest_id, self._randomness(_NONCE_BYTES)
        cipher = self._cipher(key_id, scope)
        return (
            _VERSION + key_id + nonce + cipher.encrypt(nonce, value, _context(key_id, field, issuer, scope))
        )

    def open(self, sealed: bytes, *, field: str, issuer: str, session: SessionId) -> bytes:
        """The sealed value.

        Raises:
            SealingKeyMissingError: its key is not here, or it was not sealed for this.
        """
        if not self.has_key_of(sealed):
            self._missing(_parts(sealed)[0])
        return self.open_for(session.raw, sealed, field=field, issuer=issuer)

    def has_key_of(self, sealed: bytes) -> bool:
        """Whether the key that a sealed value names is here; what names no key counts as such a value."""
        key_id = _parts(sealed)[0]
        return sealed[:1] != _VERSION or len(key_id) < SEALING_ID_BYTES or key_id in self._by_id

    def open_for(self, scope: bytes, sealed: bytes, *, field: str, issuer: str) -> bytes:
        """Open what `seal_for` sealed; raises as `open` does."""
        key_id, nonce, ciphertext = _parts(sealed)
        if sealed[:1] != _VERSION or key_id not in self._by_id:
            raise SealingKeyMissingError
        try:
            return self._cipher(key_id, scope).decrypt(
                nonce, ciphertext, _context(key_id, field, issuer, scope)
            )
        except (InvalidTag, ValueError) as error:
            raise SealingKeyMissingError from error

    def _cipher(self, key_id: bytes, scope: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._by_id[key_id], b"seal/v1" + scope, "sha256"))


def sealing_key_id(secret: bytes) -> bytes:
    """The 4 bytes by which what is sealed names its key; they tell nothing of the key."""
    return hmac.digest(secret, b"seal id", "sha256")[:SEALING_ID_BYTES]


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    nonce_at = 1 + SEALING_ID_BYTES
    return sealed[1:nonce_at], sealed[nonce_at : nonce_at + _NONCE_BYTES], sealed[nonce_at + _NONCE_BYTES :]


def _context(key_id: bytes, field: str, issuer: str, scope: bytes) -> bytes:
    return length_prefixed(_VERSION, key_id, field.encode(), issuer.encode(), scope)
