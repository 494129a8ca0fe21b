"""The form of a token, read strictly and before anything else is done with it.

It implements RFC 7515 §5.2, RFC 7519 §7.2 and RFC 8725 §3.

It is stricter than JOSE libraries are, so that no two readers take one token differently, and it is bounded,
because whoever can reach the service can send anything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.jwt.malformed import MalformedError
from sessiond_server.adapters.jwt.strict_json import MAX_MEMBERS, read_object
from sessiond_server.domain.base64url import decode_segment
from sessiond_server.domain.policy import canonical_algorithm
from sessiond_server.domain.token import JsonObject, ParsedToken
from sessiond_server.service.validation.keys import TokenParser

# Three segments are a JWS; five would be a JWE, braces a JSON serialisation (RFC 8725bis §3.14). The
# quantifiers are possessive, so that nothing backtracks.
COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]++)\.([A-Za-z0-9_-]++)\.([A-Za-z0-9_-]++)")
# A `kid` only ever becomes the key of a dictionary, and is printable so that it can be logged (RFC 8725
# §3.10).
_KEY_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")
# Keys brought along are never trusted (RFC 8725 §3.10); no extension is understood (RFC 7515 §4.1.11); RFC
# 7797 §7 forbids `b64` in a JWT; `zip` belongs to JWE.
REFUSED_PARAMETERS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"})
# Enough for every key of every issuer; what somebody sends fills it with 64 tokens of the longest at most.
_REMEMBERED_HEADERS: Final = 64
# Room for the claims that the local issuer itself writes beside those that a session brings.
_CLAIMS_OF_OURS: Final = 16


class StrictTokenParser(TokenParser):
    """Reads JSON Web Tokens in compact serialisation."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # All tokens of one key have the same header, letter for letter: reading it is a third of the work.
        self._read_header = lru_cache(maxsize=_REMEMBERED_HEADERS)(_read_header)

    @override
    def parse(self, token: bytes) -> ParsedToken | None:
        """The parts of a compact JWS, or None for anything else."""
        if len(token) > self._max_bytes:
            return None
        segments = COMPACT.fullmatch(token)
        if segments is None:
            return None
        try:
            return self._parsed(token, segments)
        except (ValueError, RecursionError):  # RecursionError: a caller near the end of its stack
            return None

    def _parsed(self, token: bytes, segments: re.Match[bytes]) -> ParsedToken:
        algorithm, key_id, token_type = self._read_header(segments[1])
        payload, payload_json = read_object(decode_segment(segments[2]))
        return ParsedToken(
            algorithm=algorithm,
            key_id=key_id,
            token_type=token_type,
            payload=payload,
            payload_json=payload_json,
            signing_input=token[: segments.end(2)],
            signature=decode_segment(segments[3]),
        )


def claims_object(text: str) -> JsonObject | None:
    """The further claims of a session; None where they are not one JSON object.

    They are read as strictly as the payload of a token.
    """
    try:
        return read_object(text.encode(), max_members=MAX_MEMBERS - _CLAIMS_OF_OURS)[0]
    except (ValueError, RecursionError):
        return None


def _read_header(segment: bytes) -> tuple[str, str | None, str | None]:
    """Algorithm, key id and token type."""
    header, _ = read_object(decode_segment(segment))
    _refuse_parameters(header)
    return _algorithm(header), _key_id(header), _token_type(header)


def _refuse_parameters(header: JsonObject) -> None:
    if not REFUSED_PARAMETERS.isdisjoint(header):
        raise MalformedError("a header parameter that is never accepted")
    # A token within a token (RFC 7519 §5.2); media types compare without regard to case.
    if "cty" in header and media_type(header["cty"]) == "jwt":
        raise MalformedError("a nested token")


def _algorithm(header: JsonObject) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or not algorithm:
        raise MalformedError("alg is not a string")
    return canonical_algorithm(algorithm)


def _key_id(header: JsonObject) -> str | None:
    if "kid" not in header:
        return None
    key_id = header["kid"]
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise MalformedError("kid is not a printable string")
    return key_id


def _token_type(header: JsonObject) -> str | None:
    return media_type(header["typ"]) if "typ" in header else None


def media_type(value: object) -> str:
    """A media type in lower case, without `application/` where that is implied (RFC 7515 §4.1.9)."""
    if not isinstance(value, str):
        raise MalformedError("a media type is not a string")
    # Letters beyond ASCII can turn into ASCII ones in lower case: U+212A is a 'k'.
    lower = value.lower() if value.isascii() else value
    rest = lower.removeprefix("application/")
    return lower if "/" in rest else rest
