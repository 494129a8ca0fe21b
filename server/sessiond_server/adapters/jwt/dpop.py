"""DPoP proofs (RFC 9449 §4.2, §4.3): read as strictly as tokens.

Each is verified with the key that it brings along.
"""

from __future__ import annotations

from typing import Any, Final

from sessiond_server.adapters.jwt.jwk import load_embedded_key
from sessiond_server.adapters.jwt.malformed import MalformedError
from sessiond_server.adapters.jwt.parser import COMPACT, REFUSED_PARAMETERS, media_type
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.domain.base64url import decode_segment
from sessiond_server.domain.claims import numeric_date
from sessiond_server.domain.confirmation import MAX_PROOF_BYTES, VerifiedProof
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS, canonical_algorithm
from sessiond_server.domain.token import JsonObject

_MEDIA_TYPE: Final = "dpop+jwt"
# The same as in a token, except that a proof brings its key along; and it holds no other token.
_REFUSED_PARAMETERS: Final = REFUSED_PARAMETERS - {"jwk"} | {"cty"}
_MAX_TEXT: Final = 2048


def read_proof(raw: bytes) -> VerifiedProof | None:
    """The proof in `raw` whose signature is by its own key; None for anything else."""
    segments = COMPACT.fullmatch(raw) if len(raw) <= MAX_PROOF_BYTES else None
    if segments is None:
        return None
    try:
        header, _ = read_object(decode_segment(segments[1]))
        claims, _ = read_object(decode_segment(segments[2]))
        _verify(header, raw[: segments.end(2)], decode_segment(segments[3]))
        return _to_proof(header, claims)
    except (ValueError, RecursionError):
        return None


def _verify(header: JsonObject, signing_input: bytes, signature: bytes) -> None:
    algorithm, jwk = header.get("alg"), header.get("jwk")
    if media_type(header.get("typ")) != _MEDIA_TYPE:
        raise MalformedError("typ is not dpop+jwt")
    if not _REFUSED_PARAMETERS.isdisjoint(header):
        raise MalformedError("a header parameter that is never accepted")
    if not isinstance(algorithm, str) or canonical_algorithm(algorithm) not in SIGNATURE_ALGORITHMS:
        raise MalformedError("alg is not asymmetric")
    if not isinstance(jwk, dict):
        raise MalformedError("jwk is not an object")
    if not load_embedded_key(jwk, algorithm=canonical_algorithm(algorithm)).verifies(
        signing_input, signature
    ):
        raise MalformedError("the signature is not by the key")


def _to_proof(header: JsonObject, claims: JsonObject) -> VerifiedProof:
    issued_at = numeric_date(claims.get("iat"))
    if issued_at is None:
        raise MalformedError("iat is not a date")
    return VerifiedProof(
        thumbprint=thumbprint(header["jwk"]),
        proof_id=_text(claims, "jti"),
        method=_text(claims, "htm"),
        url=_text(claims, "htu"),
        token_hash=_text(claims, "ath") if "ath" in claims else None,
        issued_at=issued_at,
    )


def _text(claims: JsonObject, name: str) -> str:
    value: Any = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise MalformedError("a claim of the proof is missing, or not text")
    return value
