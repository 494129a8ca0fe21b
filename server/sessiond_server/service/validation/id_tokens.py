"""ID tokens that come with a login (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from sessiond_server.domain.claims import numeric_date
from sessiond_server.domain.policy import ACCESS_TOKEN_TYPE, IssuerPolicy
from sessiond_server.domain.token import JsonObject, ParsedToken
from sessiond_server.service.clock import Clock
from sessiond_server.service.validation.keys import TokenParser
from sessiond_server.service.validation.signed import TrustedIssuer, find_key


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
        if parsed is None or parsed.issuer != issuer or parsed.token_type == ACCESS_TOKEN_TYPE:
            return False
        if not await _is_signed(parsed, trusted, from_issuer=from_issuer):
            return False
        claims = parsed.payload
        return (
            claims.get("sub") == subject
            and _is_meant_for(claims, client_id)
            and self._is_current(claims, trusted.policy)
            and _has_nonce(claims, nonce)
        )

    def _is_current(self, claims: JsonObject, policy: IssuerPolicy) -> bool:
        expires_at = numeric_date(claims.get("exp"))
        return expires_at is not None and self._clock.now() < expires_at + policy.leeway.total_seconds()


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
