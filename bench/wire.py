"""`ValidateToken` on the wire: the little of the schema that every version of sessiond has."""

from __future__ import annotations

from typing import Final

SERVICE: Final = "sessiond.v1.SessionService"
METHOD: Final = "ValidateToken"
PATH: Final = f"/{SERVICE}/{METHOD}"
FRAME_BYTES: Final = 5

_TOKEN_FIELD: Final = b"\x0a"  # field 1, whose length stands before it
_SEVEN_BITS: Final = 0x7F
_MORE_FOLLOWS: Final = 0x80


def validate_request(token: str) -> bytes:
    """The `ValidateTokenRequest` that asks nothing but whether the token is good."""
    return _TOKEN_FIELD + _varint(len(token.encode())) + token.encode()


def forged_token(token: str) -> str:
    """The same token with another signature, of the same length and form."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature.startswith('A') else 'A'}{signature[1:]}"


def framed(message: bytes) -> bytes:
    """The message as gRPC's request body: not compressed, and its length before it."""
    return b"\0" + len(message).to_bytes(FRAME_BYTES - 1, "big") + message


def _varint(number: int) -> bytes:
    low, rest = number & _SEVEN_BITS, number >> 7
    return bytes([low | _MORE_FOLLOWS]) + _varint(rest) if rest else bytes([low])
