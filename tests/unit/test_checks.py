"""The order of the reasons: where there are two faults at once, the earlier one is the answer.

The schema states that order.

Each fault is put into one token through the whole path, from bytes to verdict.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.domain.workload_checks import CHECKS_OF_THE_MOMENT
from sessiond_server.service.validation.explain_words import WORDS
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.validate import Validation
from tests.support.fakes import FakeClock, FakeRevocations
from tests.support.vectors import DEFAULTS, NOW, UsedProofs, signature_of, trusted_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessiond_server.service.validation.signed import TrustedIssuer

ISSUER: Final[str] = DEFAULTS["claims"]["iss"]
MAX_BYTES: Final = 2000
SCHEMA: Final = Path("protos/sessiond/v1/session.proto").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Attempt:
    """A token and the call that asks about it; good as it is."""

    header: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType(DEFAULTS["header"]))
    claims: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType(DEFAULTS["claims"]))
    requirements: Requirements = field(default_factory=Requirements)
    is_forged: bool = False
    is_revoked: bool = False
    is_malformed: bool = False
    padding: int = 0

    def with_header(self, **changes: Any) -> Attempt:
        return replace(self, header=MappingProxyType(self.header | changes))

    def with_claims(self, **changes: Any) -> Attempt:
        return replace(self, claims=MappingProxyType(self.claims | changes))

    def without(self, name: str) -> Attempt:
        left = {key: value for key, value in self.claims.items() if key != name}
        return replace(self, claims=MappingProxyType(left))

    def demanding(self, **demands: Any) -> Attempt:
        return replace(self, requirements=replace(self.requirements, **demands))

    @property
    def token(self) -> bytes:
        claims = dict(self.claims) | ({"padding": "x" * self.padding} if self.padding else {})
        payload = json.dumps(claims)
        if self.is_malformed:
            payload = payload[:-1] + ', "sub": "twice"}'
        segments = (to_base64url(json.dumps(dict(self.header)).encode()), to_base64url(payload.encode()))
        signing_input = ".".join(segments)
        signature = signature_of({"alg": "ES256"}, signing_input.encode(), key="es256")
        if self.is_forged:
            signature = signature[:-8] + "AAAAAAAA"
        return f"{signing_input}.{signature}".encode()

    async def verdict(self) -> Reason | None:
        clock = FakeClock(NOW)
        validation = Validation(
            signed_by(*(trusted_of(issuer, {}) for issuer in DEFAULTS["issuers"])),
            revocations=FakeRevocations(is_revoked=self.is_revoked),
            possession=ProofOfPossession(read_proof=read_proof, memory=UsedProofs(), clock=clock),
            clock=clock,
        )
        result = await validation.validate(self.token, self.requirements)
        return result.verdict.reason if isinstance(result.verdict, Rejected) else None


FAULTS: Final[dict[Reason, Callable[[Attempt], Attempt]]] = {
    Reason.TOO_LARGE: lambda one: replace(one, padding=MAX_BYTES),
    Reason.MALFORMED: lambda one: replace(one, is_malformed=True),
    Reason.ISSUER_NOT_TRUSTED: lambda one: one.demanding(issuers=frozenset({"https://wanted.example"})),
    Reason.ALGORITHM_NOT_ALLOWED: lambda one: one.with_header(alg="HS256"),
    Reason.KEY_UNKNOWN: lambda one: one.with_header(kid="nobody's"),
    Reason.SIGNATURE_INVALID: lambda one: replace(one, is_forged=True),
    Reason.TYPE_NOT_ALLOWED: lambda one: one.with_header(typ="logout+jwt"),
    Reason.CLAIM_MISSING: lambda one: one.without("jti"),
    Reason.CLAIM_INVALID: lambda one: one.with_claims(acr=7),
    Reason.EXPIRED: lambda one: one.with_claims(iat=NOW - 600, exp=NOW - 300),
    Reason.NOT_YET_VALID: lambda one: one.with_claims(nbf=NOW + 3600),
    Reason.AUDIENCE_MISMATCH: lambda one: one.demanding(audiences=frozenset({"another"})),
    Reason.BINDING_MISMATCH: lambda one: one.with_claims(cnf={"jkt": "thumbprint"}),
    Reason.REVOKED: lambda one: replace(one, is_revoked=True),
    Reason.SCOPE_INSUFFICIENT: lambda one: one.demanding(scopes=("more",)),
    Reason.STEP_UP_REQUIRED: lambda one: one.demanding(acr_values=("gold",)),
}
# Faults that no token can have at once, and why.
APART: Final = {
    (Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID): "without a key nothing says that a signature is wrong",
}


def order_of_the_schema() -> list[Reason]:
    """The reasons as the comment of the enumeration has them, before its words about the numbers."""
    comment = re.search(r"((?: *//.*\n)+) *enum Reason \{", SCHEMA)
    assert comment is not None
    said = " ".join(line.strip(" /") for line in comment[1].splitlines())
    listed = said.partition("in this order:")[2].partition(".")[0]
    return [Reason[name.strip()] for name in listed.split(",")]


PAIRS: Final = [pair for pair in itertools.combinations(order_of_the_schema(), 2) if pair not in APART]


def test_the_schema_orders_every_reason() -> None:
    assert sorted(order_of_the_schema(), key=list(Reason).index) == list(Reason)
    assert set(FAULTS) == set(Reason)
    assert len(APART) == 1
    assert len(PAIRS) == 119


async def test_a_token_without_a_fault_is_accepted() -> None:
    assert await Attempt().verdict() is None


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
async def test_each_fault_has_its_reason(reason: Reason) -> None:
    assert await FAULTS[reason](Attempt()).verdict() is reason


@pytest.mark.parametrize(
    ("earlier", "later"), PAIRS, ids=[f"{earlier.name}-{later.name}" for earlier, later in PAIRS]
)
async def test_of_two_faults_the_earlier_is_the_answer(earlier: Reason, later: Reason) -> None:
    assert await FAULTS[earlier](FAULTS[later](Attempt())).verdict() is earlier


def signed_by(*trusted: TrustedIssuer, cache: TokenCache | None = None) -> SignedTokens:
    return SignedTokens(
        trusted,
        parser=StrictTokenParser(max_bytes=MAX_BYTES),
        cache=TokenCache(max_bytes=1 << 20) if cache is None else cache,
        max_token_bytes=MAX_BYTES,
        encode=lambda _: b"",
    )


async def test_a_kept_token_is_judged_by_issuer_first_all_the_same() -> None:
    """What request and caller want is asked of kept tokens too, before anything else is said of them."""
    token, cache = Attempt().token, TokenCache(max_bytes=1 << 20)
    signed = signed_by(trusted_of(ISSUER, {}), cache=cache)
    assert not isinstance(await signed.prove(token, Requirements()), Rejected)
    for demands in (
        Requirements(issuers=frozenset({"https://wanted.example"})),
        Requirements(permitted_issuers=frozenset({"https://wanted.example"})),
    ):
        rejected = await signed.prove(token, demands)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.ISSUER_NOT_TRUSTED
    assert cache.hits == 2


@pytest.mark.parametrize(
    "later", [Reason.ALGORITHM_NOT_ALLOWED, Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID]
)
async def test_what_a_caller_may_not_ask_about_is_refused_before_it_is_verified(later: Reason) -> None:
    attempt = FAULTS[later](Attempt()).demanding(permitted_issuers=frozenset({"https://theirs.example"}))
    assert await attempt.verdict() is Reason.ISSUER_NOT_TRUSTED


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_kept_token_goes_with_its_key(*, is_replaced: bool) -> None:
    """Another key under the same id is another key."""
    trusted, token = trusted_of(ISSUER, {}), Attempt().token
    signed = signed_by(trusted)
    assert not isinstance(await signed.prove(token, Requirements()), Rejected)
    published: Any = trusted.key_set
    former = published.keys.pop(DEFAULTS["header"]["kid"])
    if is_replaced:
        another = SimpleNamespace(algorithm=former.algorithm, verifies=lambda *_: False)
        published.keys[DEFAULTS["header"]["kid"]] = another
    rejected = await signed.prove(token, Requirements())
    assert isinstance(rejected, Rejected)
    assert rejected.reason is (Reason.SIGNATURE_INVALID if is_replaced else Reason.KEY_UNKNOWN)


def test_every_check_can_be_explained() -> None:
    names = [check.name for check in (*CHECKS_OF_A_TOKEN, *CHECKS_OF_A_CALL)]
    of_workloads = {check.name for check in CHECKS_OF_THE_MOMENT} - set(names)
    assert [name for name in WORDS if name not in of_workloads] == names
    assert set(WORDS) == {*names, *of_workloads}
    assert len(set(names)) == len(names)
