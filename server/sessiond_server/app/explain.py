"""Shows each step that a token takes through validation, without asking anybody: for people who wonder why it is rejected."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sessiond_server.adapters.jwt.jwk import KeySetMalformedError, load_key_set
from sessiond_server.adapters.jwt.parser import DEFAULT_MAX_BYTES, StrictTokenParser
from sessiond_server.app.issuers import to_policy
from sessiond_server.config.settings import IssuerSettings
from sessiond_server.domain.binding import confirmation_of
from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.failures import quoted
from sessiond_server.domain.judge import Requirements, judge_audience, judge_lifetime, judge_tenant, judge_time, judge_type
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.service.log import Log


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was found, what is expected, and why it fails; `was_taken` is False where there was nothing to judge by."""

    name: str
    found: str
    expected: str
    reason: Reason | None = None
    was_taken: bool = True

    @property
    def outcome(self) -> str:
        """For people."""
        return self.reason.name if self.reason else "ok" if self.was_taken else "not checked"


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps in their order; the first that fails is the verdict."""

    steps: tuple[Step, ...]

    @property
    def verdict(self) -> str:
        """ACCEPTED, or the reason; UNDECIDED where nothing failed and something could not be checked."""
        for step in self.steps:
            if step.reason:
                return step.reason.name
        return "ACCEPTED" if all(step.was_taken for step in self.steps) else "UNDECIDED"

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        steps = [
            {"step": step.name, "found": step.found, "expected": step.expected, "outcome": step.outcome} for step in self.steps
        ]
        return {"verdict": self.verdict, "steps": steps}


def explain(token: bytes, issuers: Iterable[IssuerSettings], *, key_set: bytes | None, now: float, log: Log) -> Explanation:
    """Judge `token` under the policy of its issuer; `key_set` is a JWK set to check the signature with."""
    parsed = StrictTokenParser().parse(token)
    steps = [_size(token), _form(parsed)]
    if parsed is None:
        return Explanation(tuple(steps))
    by_name = {one.issuer: one for one in issuers}
    settings = by_name.get(parsed.issuer or "")
    steps.append(_issuer(parsed, by_name))
    if settings is None:
        return Explanation(tuple(steps))
    policy = to_policy(settings, frozenset(settings.algorithms))
    steps += [_algorithm(parsed, policy), _signature(parsed, policy, key_set, log=log), *_claims(parsed, policy, now=now)]
    return Explanation(tuple(steps))


def _size(token: bytes) -> Step:
    reason = Reason.TOO_LARGE if len(token) > DEFAULT_MAX_BYTES else None
    return Step("size", f"{len(token)} bytes", f"at most {DEFAULT_MAX_BYTES}", reason)


def _form(parsed: ParsedToken | None) -> Step:
    found = "a signed JWT" if parsed else "something else"
    return Step("form", found, "three base64url segments of strict JSON", None if parsed else Reason.MALFORMED)


def _issuer(parsed: ParsedToken, known: Mapping[str, IssuerSettings]) -> Step:
    reason = None if parsed.issuer in known else Reason.ISSUER_NOT_TRUSTED
    return Step("iss", _shown(parsed.issuer), " or ".join(sorted(known)) or "none is configured", reason)


def _algorithm(parsed: ParsedToken, policy: IssuerPolicy) -> Step:
    reason = None if parsed.algorithm in policy.algorithms else Reason.ALGORITHM_NOT_ALLOWED
    return Step("alg", _shown(parsed.algorithm), ", ".join(sorted(policy.algorithms)), reason)


def _signature(parsed: ParsedToken, policy: IssuerPolicy, key_set: bytes | None, *, log: Log) -> Step:
    key_id = _shown(parsed.key_id)
    if key_set is None:
        return Step("signature", f"kid {key_id}", "a key set: give it with --jwks", was_taken=False)
    try:
        keys = load_key_set(key_set, algorithms=policy.algorithms, log=log)
    except KeySetMalformedError as error:
        return Step("signature", str(error), "a JWK set", Reason.KEY_UNKNOWN)
    expected = f"a signature by one of {', '.join(sorted(keys)) or 'no usable key'}"
    key = keys.get(parsed.key_id or "")
    if key is None:
        return Step("signature", f"kid {key_id}", expected, Reason.KEY_UNKNOWN)
    if key.algorithm != parsed.algorithm:
        return Step("signature", f"kid {key_id} is for {key.algorithm}", parsed.algorithm, Reason.ALGORITHM_NOT_ALLOWED)
    is_good = key.verifies(parsed.signing_input, parsed.signature)
    return Step("signature", f"kid {key_id}", expected, None if is_good else Reason.SIGNATURE_INVALID)


def _claims(parsed: ParsedToken, policy: IssuerPolicy, *, now: float) -> Iterator[Step]:
    types = ", ".join(sorted(name or "no typ" for name in policy.token_types))
    yield _judged("typ", _shown(parsed.token_type), f"{types}; an access token", judge_type(parsed, policy))
    claims = read_claims(parsed, policy)
    required = f"{', '.join(policy.required_claims)}, each of its form"
    if isinstance(claims, Rejected):
        yield _judged("claims", claims.message, required, claims)
        return
    # Escaped: a claim's name is whatever somebody chose.
    yield Step("claims", json.dumps(sorted(parsed.payload))[1:-1], required)
    yield from _judgements(claims, policy, now=now)


def _judgements(claims: Claims, policy: IssuerPolicy, *, now: float) -> Iterator[Step]:
    lifetime = "no iat" if claims.issued_at is None else f"{int(claims.expires_at - claims.issued_at)} s"
    yield _judged("lifetime", lifetime, f"at most {int(policy.max_lifetime.total_seconds())} s", judge_lifetime(claims, policy))
    tenants = "any" if policy.tenants is None else ", ".join(sorted(policy.tenants))
    yield _judged("tenant", _shown(claims.tenant_id), tenants, judge_tenant(claims, policy))
    times = f"iat {_time(claims.issued_at)}, nbf {_time(claims.not_before)}, exp {_time(claims.expires_at)}"
    leeway = int(policy.leeway.total_seconds())
    yield _judged("time", times, f"now {_time(now)}, leeway {leeway} s on exp", judge_time(claims, policy, now=now))
    audiences = ", ".join(map(_shown, claims.audiences)) or "none"
    wanted = " or ".join(sorted(policy.audiences))
    yield _judged("audience", audiences, wanted, judge_audience(claims, policy, Requirements()))
    yield _binding(claims)


def _binding(claims: Claims) -> Step:
    if not claims.is_bound:
        return Step("binding", "none", "a proof, where there is a cnf")
    confirmation = confirmation_of(claims)
    if confirmation is None:
        return Step("binding", "a cnf that cannot be proven", "x5t#S256 or jkt", Reason.BINDING_MISMATCH)
    return Step("binding", f"cnf {confirmation[0]}", "a proof, which comes with a request", was_taken=False)


def _judged(name: str, found: str, expected: str, rejected: Rejected | None) -> Step:
    return Step(name, found, expected, rejected.reason if rejected else None)


def _shown(value: str | None) -> str:
    return "none" if value is None else quoted(value)


def _time(seconds: float | None) -> str:
    return "none" if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")
