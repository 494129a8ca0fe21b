"""What `explain` says of each check: what the check looks at, and what it wants to see."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sessiond_server.domain.facts import CallFacts, TokenFacts
from sessiond_server.domain.failures import quoted
from sessiond_server.domain.verdict import Rejected

_Row: TypeAlias = tuple[Callable[[Any], str], Callable[[Any], str]]


@dataclass(slots=True, repr=False)
class Looked(TokenFacts):
    """What is known of a token, and among which issuers and keys its own were looked for.

    `key_ids` is None where there is no key set, and `no_keys` says why.
    """

    issuers: tuple[str, ...] = ()
    key_ids: tuple[str, ...] | None = None
    no_keys: str = ""


def _form_found(facts: Looked) -> str:
    if facts.read:
        return "a signed JWT"
    return "an opaque or encrypted token" if facts.is_opaque else "something else"


def _key_found(facts: Looked) -> str:
    key_id = f"kid {shown(facts.parsed.key_id)}"
    return f"{key_id}, a key for {facts.key_algorithm}" if facts.key_algorithm else key_id


def _key_expected(facts: Looked) -> str:
    if facts.key_ids is None:
        return f"a key set, but {facts.no_keys}"
    return f"one of {', '.join(facts.key_ids) or 'no usable key'}, for {shown(facts.parsed.algorithm)}"


def _signature_found(facts: Looked) -> str:
    if facts.is_signed is None:
        return "nothing to verify it with"
    return "by that key" if facts.is_signed else "not by that key"


def _types_expected(facts: Looked) -> str:
    names = sorted(name or "no typ" for name in facts.policy.token_types)
    return f"{', '.join(names)}; an access token"


def _claims_found(facts: Looked) -> str:
    # Names are escaped: a claim's name is whatever somebody chose.
    if not isinstance(facts.typed, Rejected):
        return json.dumps(sorted(facts.parsed.payload))[1:-1]
    fields = facts.typed.fields
    return f"no {fields['claim']}" if "fault" not in fields else f"a {fields['claim']} of another form"


def _lifetime_found(facts: Looked) -> str:
    claims = facts.claims
    return "no iat" if claims.issued_at is None else f"{int(claims.expires_at - claims.issued_at)} s"


def _tenants_expected(facts: Looked) -> str:
    tenants = facts.policy.tenants
    return "any" if tenants is None else ", ".join(sorted(tenants))


def _times_found(facts: CallFacts) -> str:
    claims = facts.claims
    return f"iat {_time(claims.issued_at)}, nbf {_time(claims.not_before)}, exp {_time(claims.expires_at)}"


def _times_expected(facts: CallFacts) -> str:
    return f"now {_time(facts.now)}, leeway {int(facts.policy.leeway.total_seconds())} s on exp"


def _binding_found(facts: CallFacts) -> str:
    if not facts.claims.is_bound:
        return "none"
    confirmation = facts.claims.confirmation
    return f"cnf {confirmation[0]}" if confirmation else "a cnf that cannot be proven"


def shown(value: str | None) -> str:
    """A text that somebody chose, as a person may be shown it."""
    return "none" if value is None else quoted(value)


def _time(seconds: float | None) -> str:
    return (
        "none"
        if seconds is None
        else dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")
    )


# What each check looks at, and what it wants to see.
WORDS: Final[Mapping[str, _Row]] = MappingProxyType(
    {
        "size": (lambda facts: f"{facts.size} bytes", lambda facts: f"at most {facts.max_size}"),
        "form": (
            _form_found,
            lambda _: "three base64url segments of strict JSON",
        ),
        "issuer": (
            lambda facts: shown(facts.parsed.issuer),
            lambda facts: " or ".join(facts.issuers) or "none is configured",
        ),
        "algorithm": (
            lambda facts: shown(facts.parsed.algorithm),
            lambda facts: ", ".join(sorted(facts.policy.algorithms)),
        ),
        "key": (_key_found, _key_expected),
        "signature": (_signature_found, lambda _: "a signature by the key"),
        "type": (lambda facts: shown(facts.parsed.token_type), _types_expected),
        "claims": (
            _claims_found,
            lambda facts: f"{', '.join(facts.policy.required_claims)}, each of its form",
        ),
        "lifetime": (
            _lifetime_found,
            lambda facts: f"at most {int(facts.policy.max_lifetime.total_seconds())} s",
        ),
        "tenant": (lambda facts: shown(facts.claims.tenant_id), _tenants_expected),
        "time": (_times_found, _times_expected),
        "audience": (
            lambda facts: ", ".join(map(shown, facts.claims.audiences)) or "none",
            lambda facts: " or ".join(sorted(facts.policy.audiences)),
        ),
        "binding": (_binding_found, lambda _: "its proof, where there is a cnf"),
        "sole audience": (
            lambda facts: f"{len(facts.claims.audiences)}",
            lambda _: "no other beside it",
        ),
        "revocation": (lambda _: "not known here", lambda _: "no revocation that hits it"),
        "requirements": (lambda _: "none, without a request", lambda _: "what a request demands"),
        "step-up": (lambda _: "none, without a request", lambda _: "what a request demands"),
    }
)
