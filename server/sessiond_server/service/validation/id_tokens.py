"""ID tokens that come with a login (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from sessiond_server.domain.claims import numeric_date
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.token import JsonObject, ParsedToken
from sessiond_server.service.clock import Clock
from sessiond_server.service.validation.keys import TokenParser
from sessiond_server.service.validation.signed import TrustedIssuer, find_key

# Logout tokens, security events and access tokens have a `typ` of their own; that of an ID token is no other
# than JWT.
_TOKEN_TYPES: Final = frozenset({"jwt", None})
# The claims in which some providers name the kind of a token, and the value that ID tokens have there
# (Cognito, Keycloak).
_ID_TOKEN_KINDS: Final = (("token_use", "id"), ("typ", "ID"))
# ID tokens live for hours at some providers whose access tokens live for minutes, so that a smaller
# `max_token_lifetime` does not bound them.
_LONGEST_LIFETIME: Final = timedelta(hours=24)


class IdTokens:
    """Judges ID tokens, by the same keys as access tokens."""

    def __init__(self, issuers: Iterable[TrustedIssuer], *, parser: TokenParser, clock: Clock) -> None:
        self._issuers: Mapping[str, TrustedIssuer] = {issuer.policy.issuer: issuer for issuer in issuers}
        self._parser = parser
        self._clock = clock

    async def is_for(
        self,
        token: str,
        *,
        issuer: str,
        client_id: str,
        subject: str,
        nonce: str,
        from_issuer: bool = False,
    ) -> bool:
        """Whether the issuer says in `token`, now, that `subject` has logged in at `client_id`.

        It must carry `nonce` where that is not empty. `from_issuer` is as `KeySet.seek` has it.

        Raises:
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked now.
        """
        trusted, parsed = self._issuers[issuer], self._parser.parse(token.encode())
        if parsed is None or parsed.issuer != issuer or not _reads_like_id_token(parsed):
            return False
        if not await _is_signed(parsed, trusted, from_issuer=from_issuer):
            return False
        claims = parsed.payload
        return (
            claims.get("sub") == subject
            and _is_meant_for(claims, client_id)
            and _is_current(claims, trusted.policy, now=self._clock.now())
            and _has_nonce(claims, nonce)
        )


def _reads_like_id_token(parsed: ParsedToken) -> bool:
    """Whether nothing in it says that it is of another kind, signed by the same keys (RFC 8725 §3.12)."""
    if parsed.token_type not in _TOKEN_TYPES or "events" in parsed.payload:
        return False
    return all(parsed.payload.get(name, kind) == kind for name, kind in _ID_TOKEN_KINDS)


def _is_current(claims: JsonObject, policy: IssuerPolicy, *, now: float) -> bool:
    """Judge `exp` and `iat`, which must be there, and `nbf` as those of an access token are judged."""
    expires_at, issued_at = (numeric_date(claims.get(name)) for name in ("exp", "iat"))
    not_before = numeric_date(claims.get("nbf", issued_at))
    if expires_at is None or issued_at is None or not_before is None:
        return False
    longest = max(policy.max_lifetime, _LONGEST_LIFETIME).total_seconds()
    return (
        now < expires_at + policy.leeway.total_seconds()
        and max(issued_at, not_before) <= now + policy.clock_skew.total_seconds()
        and 0 < expires_at - issued_at <= longest
    )


async def _is_signed(parsed: ParsedToken, trusted: TrustedIssuer, *, from_issuer: bool) -> bool:
    if parsed.algorithm not in trusted.policy.algorithms:
        return False
    key = await find_key(parsed.key_id, trusted.key_set, from_issuer=from_issuer)
    if key is None or key.algorithm != parsed.algorithm:
        return False
    return key.verifies(parsed.signing_input, parsed.signature)


def _is_meant_for(claims: JsonObject, client_id: str) -> bool:
    """Whether `aud` holds the client, and `azp`, where there is one, is the client."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return client_id in audiences and claims.get("azp", client_id) == client_id


def _has_nonce(claims: JsonObject, nonce: str) -> bool:
    if not nonce:
        return True
    found = claims.get("nonce")
    return isinstance(found, str) and hmac.compare_digest(found.encode(), nonce.encode())
