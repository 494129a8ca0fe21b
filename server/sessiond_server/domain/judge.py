"""Whether claims open a session now: time and audience, and what a request demands beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from sessiond_server.domain.binding import Binding
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.policy import ACCESS_TOKEN_TYPE, ClaimMapping, IssuerPolicy
from sessiond_server.domain.token import JsonObject, ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected

_LIFETIME_MESSAGE: Final = "the token's lifetime is not one that its issuer may give out"


@dataclass(frozen=True, slots=True)
class Requirements:
    """What one request demands of a token. Empty `issuers` and `audiences` mean the configured ones.

    Of `claims`, each name must have one of its values; scopes and permissions must all be there; any one audience will do.
    `binding` is what came with the token to prove a key that it is bound to. `permitted_issuers` are
    those whose tokens the caller may ask about; None: all.
    The user must have proved who they are in one of the ways `acr_values`, and at most `max_auth_age_seconds` ago (RFC 9470).
    """

    issuers: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    acr_values: tuple[str, ...] = ()
    max_auth_age_seconds: float | None = None
    permitted_issuers: frozenset[str] | None = None
    binding: Binding | None = None

    def admits(self, issuer: str) -> bool:
        """Whether a token of this issuer can be accepted at all."""
        if self.permitted_issuers is not None and issuer not in self.permitted_issuers:
            return False
        return not self.issuers or issuer in self.issuers


# What ID tokens (OpenID Connect Core §2, §3.3.2.11), logout tokens and security events (RFC 8417) carry, and access tokens not.
_MARKS_OF_OTHERS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})
# A claim that some providers name the kind of token with, and its values for access tokens (Cognito, Keycloak).
_KINDS_OF_ACCESS: Final[Mapping[str, str]] = MappingProxyType({"token_use": "access", "typ": "Bearer"})


def judge_type(token: ParsedToken, policy: IssuerPolicy) -> Rejected | None:
    """Decide whether the token is an access token: by its `typ` (RFC 9068 §4), or where that is waived by what it says."""
    if token.token_type in policy.token_types and (
        token.token_type == ACCESS_TOKEN_TYPE or _reads_like_access_token(token.payload, policy.claims)
    ):
        return None
    return Rejected(Reason.TYPE_NOT_ALLOWED, "the token is not an access token of its issuer")


def judge_tenant(claims: Claims, policy: IssuerPolicy) -> Rejected | None:
    """Decide whether the issuer may speak for the tenant that it names."""
    if policy.tenants is None or claims.tenant_id in policy.tenants:
        return None
    return Rejected(Reason.CLAIM_INVALID, "the token's tenant is not one of those that its issuer may name")


def judge_time(claims: Claims, policy: IssuerPolicy, *, now: float) -> Rejected | None:
    """Decide on `exp`, `iat` and `nbf` at `now`, seconds since 1970 (RFC 7519 §4.1.4-4.1.6)."""
    # "On or after" the expiry the token must not be accepted.
    if now >= claims.expires_at + policy.leeway.total_seconds():
        return Rejected(Reason.EXPIRED, "the token has expired", _challenge("invalid_token", "the token has expired"))
    latest_start = now + policy.clock_skew.total_seconds()
    # `judge_lifetime` cannot bound a token that does not say when it was issued.
    if claims.issued_at is None and claims.expires_at > latest_start + policy.max_lifetime.total_seconds():
        return Rejected(Reason.CLAIM_INVALID, _LIFETIME_MESSAGE)
    for start in (claims.issued_at, claims.not_before):
        if start is not None and start > latest_start:
            return Rejected(Reason.NOT_YET_VALID, "the token is not valid yet")
    return None


def judge_lifetime(claims: Claims, policy: IssuerPolicy) -> Rejected | None:
    """Decide whether the token's own lifetime is one that its issuer may give out."""
    if claims.issued_at is None:
        return None
    lifetime = claims.expires_at - claims.issued_at
    if 0 < lifetime <= policy.max_lifetime.total_seconds():
        return None
    return Rejected(Reason.CLAIM_INVALID, _LIFETIME_MESSAGE)


def judge_audience(claims: Claims, policy: IssuerPolicy, requirements: Requirements) -> Rejected | None:
    """Decide whether the token is meant for one of the wanted audiences (RFC 7519 §4.1.3)."""
    wanted = requirements.audiences or policy.audiences
    if not wanted.isdisjoint(claims.audiences):
        return None
    return Rejected(Reason.AUDIENCE_MISMATCH, "the token is meant for another audience")


def judge_requirements(claims: Claims, requirements: Requirements) -> Rejected | None:
    """Decide whether the token may do what the request demands (RFC 6750 §3.1, insufficient_scope)."""
    missing_scopes = [scope for scope in requirements.scopes if scope not in claims.scopes]
    if missing_scopes:
        return _insufficient("the token lacks a required scope", " ".join(requirements.scopes))
    if any(permission not in claims.permissions for permission in requirements.permissions):
        return _insufficient("the token lacks a required permission", "")
    for name, values in requirements.claims.items():
        if not _has_one_of(claims, name, values):
            return _insufficient("the token lacks a required claim", "")
    return None


def judge_step_up(claims: Claims, requirements: Requirements, *, now: float) -> Rejected | None:
    """Decide whether the user proved who they are recently and strongly enough (RFC 9470 §3)."""
    if requirements.acr_values and claims.acr not in requirements.acr_values:
        return _step_up("the user must prove who they are by stronger means", requirements)
    oldest = None if requirements.max_auth_age_seconds is None else now - requirements.max_auth_age_seconds
    # A token that does not say when that was cannot show that it was recent.
    if oldest is not None and (claims.auth_time is None or claims.auth_time < oldest):
        return _step_up("the user must prove who they are again", requirements)
    return None


def _reads_like_access_token(payload: JsonObject, mapping: ClaimMapping) -> bool:
    if not _MARKS_OF_OTHERS.isdisjoint(payload):
        return False
    if any(payload.get(name, kind) != kind for name, kind in _KINDS_OF_ACCESS.items()):
        return False
    # An ID token says whom it is for and who logged in, but not which client may use it for what.
    return not {*mapping.client, *mapping.scopes}.isdisjoint(payload)


def _has_one_of(claims: Claims, name: str, values: tuple[str, ...]) -> bool:
    """A claim matches if it is, or as an array holds, one of `values`; only strings and string arrays match."""
    found = claims.payload.get(name)
    candidates = found if isinstance(found, list) else [found]
    return any(isinstance(candidate, str) and candidate in values for candidate in candidates)


def _insufficient(message: str, scope: str) -> Rejected:
    challenge = _challenge("insufficient_scope", message)
    return Rejected(Reason.SCOPE_INSUFFICIENT, message, f'{challenge}, scope="{scope}"' if scope else challenge)


def _step_up(message: str, requirements: Requirements) -> Rejected:
    challenge = _challenge("insufficient_user_authentication", message)
    if requirements.acr_values:
        challenge += f', acr_values="{" ".join(requirements.acr_values)}"'
    if requirements.max_auth_age_seconds is not None:
        challenge += f', max_age="{int(requirements.max_auth_age_seconds)}"'
    return Rejected(Reason.STEP_UP_REQUIRED, message, challenge)


def _challenge(error: str, description: str) -> str:
    return f'Bearer error="{error}", error_description="{description}"'
