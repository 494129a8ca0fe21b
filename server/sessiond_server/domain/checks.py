"""Whether a token is good: every check that it goes through, in the order in which they decide.

The columns `CHECKS_OF_A_TOKEN` and `CHECKS_OF_A_CALL` are that order, and the only place where it stands:
validation and `explain` run them. What the first column finds is kept with a verified token; the second is
asked at every call, in one synchronous stretch. Two checks of the first are asked at every call as well,
also of kept tokens: whether request and caller want the issuer, and whether the key is still in the issuer's
set.
"""

from __future__ import annotations

from typing import Final

from sessiond_server.domain.claim_paths import ABSENT, find_claim
from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_of
from sessiond_server.domain.facts import CallFacts, Check, TokenFacts
from sessiond_server.domain.policy import ACCESS_TOKEN_TYPE, ClaimMapping, IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import JsonObject
from sessiond_server.domain.verdict import Reason, Rejected

# The claims that ID tokens (OpenID Connect Core §2, §3.3.2.11), logout tokens and security events (RFC
# 8417) carry, and access tokens do not.
OTHER_TOKEN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})
# Claims in which some providers name the kind of a token, and the values that access tokens have there
# (Cognito, Keycloak).
_DPOP_KIND: Final = ("typ", "DPoP")
_ACCESS_TOKEN_KINDS: Final = (("token_use", ("access",)), ("typ", ("Bearer", "DPoP")))


def judge_size(facts: TokenFacts) -> Rejected | None:
    """Decide whether the token is small enough to be looked at."""
    if facts.size <= facts.max_size:
        return None
    return Rejected(Reason.TOO_LARGE, {"max_bytes": str(facts.max_size)})


def judge_form(facts: TokenFacts) -> Rejected | None:
    """Decide whether it is a JWS in compact form, strictly read (RFC 7515 §7.1)."""
    if facts.read is not None:
        return None
    return Rejected(Reason.MALFORMED, {"form": "opaque" if facts.is_opaque else "unreadable"})


def judge_issuer(facts: TokenFacts) -> Rejected | None:
    """Decide whether its issuer is configured, and one that request and caller want.

    This comes before its signature: whether a token of another issuer is genuine is nobody's business here.
    """
    if facts.trusted is None:
        return Rejected(Reason.ISSUER_NOT_TRUSTED, {"among": "configured"})
    return judge_wanted(facts.trusted, facts.requirements)


def judge_wanted(policy: IssuerPolicy, requirements: Requirements) -> Rejected | None:
    """The part of `judge_issuer` that is asked at every call: whether request and caller want this issuer."""
    if requirements.admits(policy.issuer):
        return None
    return Rejected(Reason.ISSUER_NOT_TRUSTED, {"among": "wanted"})


def judge_algorithm(facts: TokenFacts) -> Rejected | None:
    """Decide whether its algorithm is allowed for its issuer (RFC 8725 §3.1)."""
    if facts.parsed.algorithm in facts.policy.algorithms:
        return None
    return Rejected(Reason.ALGORITHM_NOT_ALLOWED, {"by": "issuer"})


def judge_key(facts: TokenFacts) -> Rejected | None:
    """Decide whether it names a key of its issuer, and that key's one algorithm (RFC 8725 §3.1)."""
    if facts.key_algorithm is None:
        return Rejected(Reason.KEY_UNKNOWN)
    if facts.key_algorithm != facts.parsed.algorithm:
        return Rejected(Reason.ALGORITHM_NOT_ALLOWED, {"by": "key"})
    return None


def judge_signature(facts: TokenFacts) -> Rejected | None:
    """Decide whether the key that it names signed it."""
    return None if facts.is_signed else Rejected(Reason.SIGNATURE_INVALID)


def judge_type(facts: TokenFacts) -> Rejected | None:
    """Decide whether it is an access token, by its `typ` (RFC 9068 §4).

    Where the type is waived, what the token says decides.
    """
    parsed, policy = facts.parsed, facts.policy
    if (
        parsed.token_type in policy.token_types
        and (
            parsed.token_type == ACCESS_TOKEN_TYPE or _reads_like_access_token(parsed.payload, policy.claims)
        )
        and _names_the_key_of_its_kind(parsed.payload)
    ):
        return None
    return Rejected(Reason.TYPE_NOT_ALLOWED)


def judge_claims(facts: TokenFacts) -> Rejected | None:
    """Decide whether the claims that its issuer's tokens must have are there, each claim in its form."""
    typed = facts.typed
    return typed if isinstance(typed, Rejected) else None


def judge_lifetime(facts: TokenFacts) -> Rejected | None:
    """Decide whether the token's own lifetime is one that its issuer may give out."""
    claims = facts.claims
    if claims.issued_at is None:
        return None
    lifetime = claims.expires_at - claims.issued_at
    if 0 < lifetime <= facts.policy.max_lifetime.total_seconds():
        return None
    return Rejected(Reason.CLAIM_INVALID, {"fault": "lifetime"})


def judge_tenant(facts: TokenFacts) -> Rejected | None:
    """Decide whether the issuer may speak for the tenant that it names."""
    tenants = facts.policy.tenants
    if tenants is None or facts.claims.tenant_id in tenants:
        return None
    return Rejected(Reason.CLAIM_INVALID, {"fault": "tenant"})


def judge_time(facts: CallFacts) -> Rejected | None:
    """Decide on `exp`, `iat` and `nbf` (RFC 7519 §4.1.4-4.1.6)."""
    claims, policy, now = facts.claims, facts.policy, facts.now
    # RFC 7519 §4.1.4: the token must not be accepted "on or after" its expiry.
    if now >= claims.expires_at + policy.leeway.total_seconds():
        return Rejected(Reason.EXPIRED)
    latest_start = now + policy.clock_skew.total_seconds() + facts.requirements.early_seconds
    # `judge_lifetime` cannot bound a token that does not say when it was issued.
    if claims.issued_at is None and claims.expires_at > latest_start + policy.max_lifetime.total_seconds():
        return Rejected(Reason.CLAIM_INVALID, {"fault": "lifetime"})
    for start in (claims.issued_at, claims.not_before):
        if start is not None and start > latest_start:
            return Rejected(Reason.NOT_YET_VALID)
    return None


def judge_audience(facts: CallFacts) -> Rejected | None:
    """Decide whether the token is meant for one of the wanted audiences (RFC 7519 §4.1.3)."""
    wanted = facts.requirements.audiences or facts.policy.audiences
    if not wanted.isdisjoint(facts.claims.audiences):
        return None
    return Rejected(Reason.AUDIENCE_MISMATCH)


def judge_binding(facts: CallFacts) -> Rejected | None:
    """Decide whether a token that names a key came with the proof of it (RFC 7800 §3.1).

    Such a token is no bearer token.
    """
    if facts.is_proven:
        return None
    confirmation = facts.claims.confirmation
    is_by_dpop = confirmation is not None and confirmation[0] == KEY_MEMBER
    return Rejected(Reason.BINDING_MISMATCH, {"scheme": "DPoP" if is_by_dpop else "Bearer"})


def judge_revocation(facts: CallFacts) -> Rejected | None:
    """Decide whether its session, or something that it descends from, has been revoked."""
    return Rejected(Reason.REVOKED) if facts.is_revoked() else None


def judge_requirements(facts: CallFacts) -> Rejected | None:
    """Decide whether the token may do what the request demands (RFC 6750 §3.1, insufficient_scope)."""
    claims, requirements = facts.claims, facts.requirements
    if any(scope not in claims.scopes for scope in requirements.scopes):
        return Rejected(Reason.SCOPE_INSUFFICIENT, {"lacks": "scope", "scope": " ".join(requirements.scopes)})
    if any(permission not in claims.permissions for permission in requirements.permissions):
        return Rejected(Reason.SCOPE_INSUFFICIENT, {"lacks": "permission"})
    # It is read from its text only where a claim is demanded.
    payload = claims.payload if requirements.claims else {}
    for name, values in requirements.claims.items():
        if not _has_one_of(payload, name, values):
            return Rejected(Reason.SCOPE_INSUFFICIENT, {"lacks": "claim"})
    return None


def judge_step_up(facts: CallFacts) -> Rejected | None:
    """Decide whether the user proved who they are recently and strongly enough (RFC 9470 §3)."""
    claims, requirements = facts.claims, facts.requirements
    if requirements.acr_values and claims.acr not in requirements.acr_values:
        return _step_up("by stronger means", requirements)
    age, skew = requirements.max_auth_age_seconds, facts.policy.clock_skew.total_seconds()
    if age is None:
        return None
    # A token that does not say when the user logged in cannot show that it was recent, nor can one that tells
    # of a login to come: it would be recent for as long as it liked.
    if claims.auth_time is None or not facts.now - age <= claims.auth_time <= facts.now + skew:
        return _step_up("again", requirements)
    return None


CHECKS_OF_A_TOKEN: Final = (
    Check("size", judge_size, is_prerequisite=True),
    Check("form", judge_form, is_prerequisite=True),
    Check("issuer", judge_issuer, is_prerequisite=True),
    Check("algorithm", judge_algorithm),
    Check("key", judge_key),
    Check("signature", judge_signature),
    Check("type", judge_type),
    Check("claims", judge_claims, is_prerequisite=True),
    Check("lifetime", judge_lifetime),
    Check("tenant", judge_tenant),
)

CHECKS_OF_A_CALL: Final = (
    Check("time", judge_time),
    Check("audience", judge_audience),
    Check("binding", judge_binding),
    Check("revocation", judge_revocation),
    Check("requirements", judge_requirements),
    Check("step-up", judge_step_up),
)


def _reads_like_access_token(payload: JsonObject, mapping: ClaimMapping) -> bool:
    if not OTHER_TOKEN_CLAIMS.isdisjoint(payload):
        return False
    if any(payload.get(name, kinds[0]) not in kinds for name, kinds in _ACCESS_TOKEN_KINDS):
        return False
    # An ID token says whom it is for and who logged in, but not which client may use it for what.
    return any(find_claim(payload, name) is not ABSENT for name in (*mapping.client, *mapping.scopes))


def _names_the_key_of_its_kind(payload: JsonObject) -> bool:
    """Whether a token that calls itself bound by DPoP is: it must never pass for a bearer token."""
    name, kind = _DPOP_KIND
    if payload.get(name) != kind:
        return True
    confirmation = confirmation_of(payload)
    return confirmation is not None and confirmation[0] == KEY_MEMBER


def _has_one_of(payload: JsonObject, name: str, values: tuple[str, ...]) -> bool:
    """A claim matches if it is one of `values`, or an array that holds one; only strings match."""
    found = payload.get(name)
    candidates = found if isinstance(found, list) else [found]
    return any(isinstance(candidate, str) and candidate in values for candidate in candidates)


def _step_up(how: str, requirements: Requirements) -> Rejected:
    fields = {"how": how}
    if requirements.acr_values:
        fields["acr_values"] = " ".join(requirements.acr_values)
    if requirements.max_auth_age_seconds is not None:
        fields["max_age"] = str(int(requirements.max_auth_age_seconds))
    return Rejected(Reason.STEP_UP_REQUIRED, fields)
