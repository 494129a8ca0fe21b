"""A token that has been read but not yet believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]

# What may be a bearer token at all (RFC 6750 §2.1). The quantifiers are possessive: nothing backtracks.
_BEARER_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]++=*+")
_DOTS_OF_A_JWS: Final = 2

# Our refresh tokens, and JWTs in compact form, whose header is a JSON object. Each may be cut short: what is
# left of a JWT behind its first dot still tells whose it is.
_TOKEN_IN_TEXT: Final = re.compile(r"sdr1_[\w-]{16,}|e[yw][\w-]{14,}(?:\.[\w-]*){1,4}", re.ASCII)
_HIDDEN: Final = "(a token)"


def hide_tokens(text: str) -> str:
    """A text that somebody else has written, without anything in it that has the form of a token of ours."""
    return _TOKEN_IN_TEXT.sub(_HIDDEN, text)


def has_dots_of_a_jws(token: bytes) -> bool:
    """Whether it has as many dots as a signed JWT in compact form (RFC 7515 §7.1)."""
    return token.count(b".") == _DOTS_OF_A_JWS


def is_opaque(token: bytes) -> bool:
    """Whether it is a bearer token that only its provider can read: opaque, or encrypted (RFC 7516 §7.1)."""
    return not has_dots_of_a_jws(token) and _BEARER_TOKEN.fullmatch(token) is not None


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
