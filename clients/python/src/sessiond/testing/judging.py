"""The verdict on a token, in the order in which the server's checks decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sessiond.testing import claims as claims_of_tokens
from sessiond.testing.claims import ClaimError, Claims
from sessiond.testing.names import AUDIENCE, CLOCK_SKEW, ISSUER, KEY_ID, LONGEST_LIFETIME, unpadded
from sessiond.testing.rejections import RejectedError, insufficient, malformed, step_up, unproven
from sessiond.testing.tokens import FormError, Parsed, Signer, parse
from sessiond.v1.session_pb2 import PossessionProof, Requirements

_LARGEST_TOKEN: Final = 8 << 10


def verify(token: str, signer: Signer, issuers: Sequence[str] = ()) -> Claims:
    """What a token says by itself.

    Raises:
        RejectedError: it is none of the fake's, or not one of the wanted `issuers`.
    """
    if len(token.encode()) > _LARGEST_TOKEN:
        raise RejectedError("TOO_LARGE", f"the token is larger than {_LARGEST_TOKEN} bytes")
    try:
        parsed = parse(token)
    except FormError:
        raise malformed(token) from None
    _check_signature(parsed, signer, issuers)
    for name in claims_of_tokens.REQUIRED:
        if name not in parsed.claims:
            raise RejectedError("CLAIM_MISSING", f"the token lacks the claim {name}")
    try:
        found = claims_of_tokens.read(parsed)
    except ClaimError as error:
        text = f"the claim {error} is not of the form that its specification gives it"
        raise RejectedError("CLAIM_INVALID", text) from None
    if not found.issue < found.expire <= found.issue + LONGEST_LIFETIME:
        raise RejectedError("CLAIM_INVALID", "the token's lifetime is not one that its issuer may give out")
    return found


def _check_signature(parsed: Parsed, signer: Signer, issuers: Sequence[str]) -> None:
    if parsed.claims.get("iss") != ISSUER:
        raise RejectedError("ISSUER_NOT_TRUSTED", "the token's issuer is not one of the configured ones")
    if issuers and ISSUER not in issuers:
        raise RejectedError("ISSUER_NOT_TRUSTED", "the token's issuer is not one of the wanted ones")
    if parsed.header.get("alg") != "EdDSA":
        raise RejectedError("ALGORITHM_NOT_ALLOWED", "the token's algorithm is not allowed for its issuer")
    if parsed.header.get("kid") != KEY_ID:
        raise RejectedError("KEY_UNKNOWN", "the token's key is not in its issuer's key set")
    if not signer.has_signed(parsed):
        raise RejectedError("SIGNATURE_INVALID", "the token was not signed by its issuer")
    kind = parsed.header.get("typ")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != "at+jwt":
        raise RejectedError("TYPE_NOT_ALLOWED", "the token is not an access token of its issuer")


def judge(
    found: Claims,
    want: Requirements,
    proof: PossessionProof,
    now: datetime,
    *,
    is_expired: bool,
    is_revoked: bool,
) -> None:
    """What depends on the moment, and on what is required.

    Raises:
        RejectedError: the token is not accepted.
    """
    if is_expired or now >= found.expire:
        raise RejectedError("EXPIRED", "the token has expired")
    if any(at is not None and at > now + CLOCK_SKEW for at in (found.issue, found.not_before)):
        raise RejectedError("NOT_YET_VALID", "the token is not valid yet")
    if not set(found.session.audiences) & set(want.audiences or [AUDIENCE]):
        raise RejectedError("AUDIENCE_MISMATCH", "the token is meant for another audience")
    if found.is_bound and not _is_proven(found, proof):
        raise unproven(is_by_dpop=found.is_by_dpop)
    if is_revoked:
        raise RejectedError("REVOKED", "the token's session has been ended")
    _judge_requirements(found, want)
    _judge_login(found, want, now)


def _is_proven(found: Claims, proof: PossessionProof) -> bool:
    shown = proof.certificate_sha256
    return shown != b"" and unpadded(shown) == found.certificate


def _judge_requirements(found: Claims, want: Requirements) -> None:
    if not set(want.scopes) <= set(found.session.scopes):
        raise insufficient("scope", want.scopes)
    if not set(want.permissions) <= set(found.session.permissions):
        raise insufficient("permission")
    for name, wanted in want.claims.items():
        said: Any = found.all.get(name)
        values = said if isinstance(said, list) else [said]
        if not any(isinstance(value, str) and value in wanted.values for value in values):
            raise insufficient("claim")


def _judge_login(found: Claims, want: Requirements, now: datetime) -> None:
    if want.acr_values and found.session.acr not in want.acr_values:
        raise step_up("by stronger means", want)
    if not want.HasField("max_auth_age"):
        return
    if not found.session.HasField("auth_time"):
        raise step_up("again", want)
    at = found.session.auth_time.ToDatetime(tzinfo=now.tzinfo)
    if not now - want.max_auth_age.ToTimedelta() <= at <= now + CLOCK_SKEW:
        raise step_up("again", want)
