"""A token that has been read but not yet believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class ParsedToken:
    """The parts of a compact JWS whose form is right (RFC 7515 §7.1, RFC 7519 §7.2); nothing is proven.

    `algorithm` is the header's `alg` by its canonical name; `token_type` is `typ` in lower case without
    `application/`. `signing_input` and `signature` are the bytes that the key verifies; `payload_json` is the
    payload as received. Together they are the token, so nothing of it shows in the `repr`.
    """

    algorithm: str
    key_id: str | None
    token_type: str | None
    payload: JsonObject
    payload_json: str
    signing_input: bytes
    signature: bytes

    @property
    def issuer(self) -> str | None:
        """The `iss` that selects a configured issuer; None if it is not a string."""
        issuer = self.payload.get("iss")
        return issuer if isinstance(issuer, str) else None
