"""Signing and parsing the fake's access tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sessiond.testing.names import KEY_ID, unpadded

_PART: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_PARTS: Final = 3


class FormError(ValueError):
    """This is not a signed JWT in compact form."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A token that nobody has verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    payload: str
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


class Signer:
    """The issuer's only key.

    Its tokens say EdDSA, as a server's do, but nobody else can verify them: a fake needs no cryptography that
    Python itself does not have.
    """

    def __init__(self) -> None:
        self._secret: Final = secrets.token_bytes(64)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JWT in compact form; what is None is left out of its header and its claims."""
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        return f"{signed}.{unpadded(self._signature(signed.encode()))}"

    def has_signed(self, parsed: Parsed) -> bool:
        """Whether the signature is of this key."""
        return hmac.compare_digest(parsed.signature, self._signature(parsed.signed))

    def _signature(self, signed: bytes) -> bytes:
        return hmac.digest(self._secret, signed, hashlib.sha512)


def access_header() -> dict[str, Any]:
    """The header of an access token (RFC 9068 §2.1)."""
    return {"alg": "EdDSA", "kid": KEY_ID, "typ": "at+jwt"}


def parse(token: str) -> Parsed:
    """A token's parts.

    Raises:
        FormError: it has not the form of one.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise FormError
    header, payload, signature = map(_decoded, parts)
    return Parsed(
        _object(header), _object(payload), payload.decode(), f"{parts[0]}.{parts[1]}".encode(), signature
    )


def _encoded(part: Mapping[str, Any]) -> str:
    given = {name: value for name, value in part.items() if value is not None}
    return unpadded(json.dumps(given, separators=(",", ":")).encode())


def _decoded(part: str) -> bytes:
    if not _PART.fullmatch(part):
        raise FormError
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise FormError from None
    if unpadded(raw) != part:  # bits behind the end
        raise FormError
    return raw


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        raise FormError from None
    if not isinstance(found, dict):
        raise FormError
    return found
