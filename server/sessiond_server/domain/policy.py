"""What is required of an issuer's tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

# RFC 9068 §2.1. What stands beside it in a policy is a waiver: then a token's claims tell whether it is an
# access token.
ACCESS_TOKEN_TYPE: Final = "at+jwt"
# Only asymmetric algorithms: a shared secret, or none at all, proves nothing to a third party (RFC 8725
# §3.1).
SIGNATURE_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
# The name that RFC 8037 gave to all curves of its kind; of these, Ed25519 is the one in use.
EDDSA: Final = "EdDSA"
# The `use` of keys for signatures (RFC 7517 §4.2), and that of keys for JWT-SVIDs in a SPIFFE bundle.
SIGNATURES: Final = ("sig",)
KEY_USES: Final = (*SIGNATURES, "jwt-svid")
REQUIRED_CLAIMS: Final = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


def canonical_algorithm(name: str) -> str:
    """The fully specified name of an algorithm (RFC 9864 §2.2).

    `EdDSA` is read as `Ed25519`.
    """
    return "Ed25519" if name == EDDSA else name


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """The names under which an issuer sends the claims that RFC 9068 leaves open, or that it calls otherwise.

    Only the names given here count; each may be a path (`claim_paths`). `scopes` may name space-separated
    strings or arrays of strings; permissions and roles are arrays of strings. Of the names in `client` the
    first one that is there counts.
    """

    audience: str = "aud"
    token_id: str = "jti"
    client: tuple[str, ...] = ("client_id", "azp")
    tenant: str | None = None
    provider_session: str | None = "sid"
    scopes: tuple[str, ...] = ("scope",)
    permissions: tuple[str, ...] = ("permissions",)
    roles: tuple[str, ...] = ("roles",)


@dataclass(frozen=True, slots=True)
class IssuerPolicy:
    """One trusted issuer: what its access tokens must look like (RFC 8725 §3.1, RFC 9068 §4).

    `algorithms` are kept by their canonical names.

    `audiences` are the ones accepted where a request names none; never empty. `leeway` is granted on `exp`
    alone; `clock_skew` is how far ahead of ours the issuer's clock may be (`iat`, `nbf`, cutoffs).
    `token_types` are the accepted `typ`s in lower case, None for a header without one. `tenants` are the
    accepted ones; None means all. `key_uses` are what the keys of its tokens may be for. `is_local` says that
    sessiond mints these tokens itself, so that `sid` is its own and `sct` is to be believed.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    token_types: frozenset[str | None] = frozenset({ACCESS_TOKEN_TYPE})
    required_claims: tuple[str, ...] = REQUIRED_CLAIMS
    leeway: timedelta = timedelta(seconds=30)
    clock_skew: timedelta = timedelta(seconds=2)
    max_lifetime: timedelta = timedelta(hours=24)
    claims: ClaimMapping = field(default_factory=ClaimMapping)
    tenants: frozenset[str] | None = None
    key_uses: frozenset[str] = frozenset(SIGNATURES)
    is_local: bool = False

    def __post_init__(self) -> None:
        """Refuse what would accept everything or nothing."""
        if not self.audiences:
            raise ValueError(f"issuer {self.issuer}: audiences must not be empty")
        if not self.algorithms:
            raise ValueError(f"issuer {self.issuer}: algorithms must not be empty")
        algorithms = frozenset(map(canonical_algorithm, self.algorithms))
        if not algorithms <= SIGNATURE_ALGORITHMS:
            raise ValueError(
                f"issuer {self.issuer}: algorithms may be {', '.join(sorted(SIGNATURE_ALGORITHMS))}"
            )
        object.__setattr__(self, "algorithms", algorithms)
