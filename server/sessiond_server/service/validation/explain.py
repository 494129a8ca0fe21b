"""Shows what each check finds in a token, for people who wonder why it is rejected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from sessiond_server.domain.facts import CallFacts, TokenFacts
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import is_opaque
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.service.validation.explain_words import WORDS, Looked
from sessiond_server.service.validation.keys import TokenParser, VerificationKey


@dataclass(frozen=True, slots=True)
class NoKeys:
    """Why there is no key set to look a key up in, as a person is told."""

    why: str


# The keys of a token's issuer by id.
FindKeys: TypeAlias = Callable[[IssuerPolicy], Awaitable[Mapping[str, VerificationKey] | NoKeys]]


class Skipped(Enum):
    """Why a check has no outcome."""

    NOT_CHECKED = "not checked"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what was found, what is expected, and what came of it; None lets the token pass."""

    name: str
    found: str
    expected: str
    result: Reason | Skipped | None

    @property
    def outcome(self) -> str:
        """The result in a word, for people."""
        if self.result is None:
            return "ok"
        return self.result.name if isinstance(self.result, Reason) else self.result.value


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps in their order; the first that rejects is the verdict."""

    steps: tuple[Step, ...]

    @property
    def verdict(self) -> str:
        """ACCEPTED (if it has not been revoked), or the reason.

        It is UNDECIDED where something could not be checked.
        """
        reasons = [step.result for step in self.steps if isinstance(step.result, Reason)]
        if reasons:
            return reasons[0].name
        return "UNDECIDED" if any(step.result is Skipped.NOT_CHECKED for step in self.steps) else "ACCEPTED"

    def to_dict(self) -> dict[str, Any]:
        """The explanation for programs."""
        steps = [
            {"step": step.name, "found": step.found, "expected": step.expected, "outcome": step.outcome}
            for step in self.steps
        ]
        return {"verdict": self.verdict, "steps": steps}


class Explainer:
    """Runs the checks under the policies of issuers; `find_keys` gives the keys to verify with."""

    def __init__(
        self,
        policies: Mapping[str, IssuerPolicy],
        *,
        parser: TokenParser,
        find_keys: FindKeys,
        max_token_bytes: int,
    ) -> None:
        self._policies = policies
        self._parser = parser
        self._find_keys = find_keys
        self._max_token_bytes = max_token_bytes

    async def explain(self, token: bytes, *, now: float) -> Explanation:
        """Judge `token` at `now`, in seconds since 1970.

        A check that rejects hides only the checks that build on it.
        """
        return Explanation(tuple(self._steps(await self._look_into(token), now)))

    def _steps(self, facts: Looked, now: float) -> Iterator[Step]:
        for check in CHECKS_OF_A_TOKEN:
            result = _skipped(check.name, facts) or _reason(check.judge(facts))
            yield _step(check.name, facts, result)
            if check.is_prerequisite and result:
                return
        is_proven = not facts.claims.is_bound
        asked = CallFacts(
            facts.claims, facts.policy, facts.requirements, now, is_proven, is_revoked=lambda: False
        )
        for asked_check in CHECKS_OF_A_CALL:
            result = _skipped_of_a_call(asked_check.name, asked) or _reason(asked_check.judge(asked))
            yield _step(asked_check.name, asked, result)

    async def _look_into(self, token: bytes) -> Looked:
        parsed = self._parser.parse(token)
        policy = self._policies.get(parsed.issuer or "") if parsed else None
        facts = Looked(len(token), self._max_token_bytes, Requirements(), parsed, policy)
        facts.issuers, facts.is_opaque = tuple(sorted(self._policies)), is_opaque(token)
        if parsed is None or policy is None:
            return facts
        keys = await self._find_keys(policy)
        if isinstance(keys, NoKeys):
            facts.no_keys = keys.why
            return facts
        facts.key_ids = tuple(sorted(keys))
        key = keys.get(parsed.key_id or "")
        if key:
            facts.key_algorithm = key.algorithm
            facts.is_signed = key.verifies(parsed.signing_input, parsed.signature)
        return facts


def _skipped(name: str, facts: Looked) -> Skipped | None:
    has_no_key_set = name == "key" and facts.key_ids is None
    has_no_key = name == "signature" and facts.is_signed is None
    return Skipped.NOT_CHECKED if has_no_key_set or has_no_key else None


def _skipped_of_a_call(name: str, facts: CallFacts) -> Skipped | None:
    if name == "revocation":
        return Skipped.NOT_ASKED
    # The proof of possession comes with a request; a `cnf` that nothing can prove is rejected here too.
    if name == "binding" and not facts.is_proven and facts.claims.confirmation:
        return Skipped.NOT_CHECKED
    return None


def _reason(rejected: Rejected | None) -> Reason | None:
    return rejected.reason if rejected else None


def _step(name: str, facts: TokenFacts | CallFacts, result: Reason | Skipped | None) -> Step:
    found, expected = WORDS[name]
    return Step(name, found(facts), expected(facts), result)
