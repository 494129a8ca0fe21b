"""Shows what each check finds in a token, for people who wonder why it is rejected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from sessiond_server.domain.facts import CallFacts, Check, TokenFacts
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import is_opaque
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.domain.workload_checks import (
    CHECKS_BY_THE_KEY,
    CHECKS_OF_THE_MOMENT,
    CHECKS_WITHOUT_A_KEY,
)
from sessiond_server.service.callers import Workload
from sessiond_server.service.validation.explain_words import WORDS, Looked, shown
from sessiond_server.service.validation.keys import TokenParser, VerificationKey


@dataclass(frozen=True, slots=True)
class NoKeys:
    """Why there is no key set to look a key up in, as a person is told."""

    why: str


# The keys of a token's issuer by id.
FindKeys: TypeAlias = Callable[[IssuerPolicy], Awaitable[Mapping[str, VerificationKey] | NoKeys]]


@dataclass(frozen=True, slots=True)
class Column:
    """The checks of a kind of tokens, in the order in which they decide."""

    of_a_token: Sequence[Check[TokenFacts]]
    of_a_call: Sequence[Check[CallFacts]]
    by_the_key: Sequence[Check[TokenFacts]] = ()


_ACCESS_TOKENS: Final = Column(CHECKS_OF_A_TOKEN, CHECKS_OF_A_CALL)
_WORKLOADS: Final = Column(CHECKS_WITHOUT_A_KEY, CHECKS_OF_THE_MOMENT, CHECKS_BY_THE_KEY)


class Skipped(Enum):
    """Why a check has no outcome."""

    NOT_CHECKED = "not checked"
    NOT_ASKED = "not asked"


class Unfit(Enum):
    """Why a good token shows no caller; metrics call it the same."""

    SUBJECT_UNKNOWN = "SUBJECT_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what was found, what is expected, and what came of it; None lets the token pass."""

    name: str
    found: str
    expected: str
    result: Reason | Unfit | Skipped | None

    @property
    def outcome(self) -> str:
        """The result in a word, for people."""
        if self.result is None:
            return "ok"
        return self.result.value if isinstance(self.result, Skipped) else self.result.name


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps in their order; the first that rejects is the verdict.

    `caller` is whose workload the token names; None for access tokens, and where it is nobody's.
    """

    steps: tuple[Step, ...]
    caller: str | None = None

    @property
    def verdict(self) -> str:
        """ACCEPTED (if it has not been revoked), or the reason.

        It is UNDECIDED where something could not be checked.
        """
        reasons = [step.result for step in self.steps if isinstance(step.result, Reason | Unfit)]
        if reasons:
            return reasons[0].name
        return "UNDECIDED" if any(step.result is Skipped.NOT_CHECKED for step in self.steps) else "ACCEPTED"

    def to_dict(self) -> dict[str, Any]:
        """The explanation for programs."""
        steps = [
            {"step": step.name, "found": step.found, "expected": step.expected, "outcome": step.outcome}
            for step in self.steps
        ]
        whose = {} if self.caller is None else {"caller": self.caller}
        return {"verdict": self.verdict, **whose, "steps": steps}


class Explainer:
    """Runs the checks under the policies of issuers; `find_keys` gives the keys to verify with.

    With `callers`, by their workloads, these are the checks of workloads' tokens, and else those of access
    tokens.
    """

    def __init__(
        self,
        policies: Mapping[str, IssuerPolicy],
        *,
        parser: TokenParser,
        find_keys: FindKeys,
        max_token_bytes: int,
        callers: Mapping[Workload, str] | None = None,
    ) -> None:
        self._policies = policies
        self._parser = parser
        self._find_keys = find_keys
        self._max_token_bytes = max_token_bytes
        self._callers = callers
        self._column = _ACCESS_TOKENS if callers is None else _WORKLOADS

    async def explain(self, token: bytes, *, now: float) -> Explanation:
        """Judge `token` at `now`, in seconds since 1970.

        A check that rejects hides only the checks that build on it.
        """
        facts = await self._look_into(token)
        return Explanation(tuple(self._steps(facts, now)), self._caller_of(facts))

    def _steps(self, facts: Looked, now: float) -> Iterator[Step]:
        for check in self._column.of_a_token:
            step = _step_of_a_token(check, facts)
            yield step
            if check.is_prerequisite and step.result:
                return
        is_proven = not facts.claims.is_bound
        asked = CallFacts(
            facts.claims, facts.policy, facts.requirements, now, is_proven, is_revoked=lambda: False
        )
        for asked_check in self._column.of_a_call:
            result = self._skipped_of_a_call(asked_check.name, asked) or _reason(asked_check.judge(asked))
            yield _step(asked_check.name, asked, result)
        if self._callers is not None:
            yield self._step_of_the_caller(facts)
        for check in self._column.by_the_key:
            yield _step_of_a_token(check, facts)

    def _skipped_of_a_call(self, name: str, facts: CallFacts) -> Skipped | None:
        if name == "revocation":
            return Skipped.NOT_ASKED
        # The proof of possession comes with a request, but for a workload's token; a `cnf` that nothing can
        # prove is rejected here too.
        has_proof = self._callers is None and facts.claims.confirmation
        return Skipped.NOT_CHECKED if name == "binding" and not facts.is_proven and has_proof else None

    def _step_of_the_caller(self, facts: Looked) -> Step:
        issuer, caller = facts.policy.issuer, self._caller_of(facts)
        subjects = [shown(one.subject) for one in self._callers or () if one.issuer == issuer]
        wanted = f"one of {', '.join(sorted(subjects))}" if subjects else "none: no caller names any"
        expected = wanted if caller is None else f"the workload of {shown(caller)}"
        result = Unfit.SUBJECT_UNKNOWN if caller is None else None
        return Step("caller", shown(facts.claims.subject), expected, result)

    def _caller_of(self, facts: Looked) -> str | None:
        if self._callers is None or facts.trusted is None or isinstance(facts.typed, Rejected):
            return None
        return self._callers.get(Workload(facts.policy.issuer, facts.claims.subject))

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


def _step_of_a_token(check: Check[TokenFacts], facts: Looked) -> Step:
    return _step(check.name, facts, _skipped(check.name, facts) or _reason(check.judge(facts)))


def _reason(rejected: Rejected | None) -> Reason | None:
    return rejected.reason if rejected else None


def _step(name: str, facts: TokenFacts | CallFacts, result: Reason | Skipped | None) -> Step:
    found, expected = WORDS[name]
    return Step(name, found(facts), expected(facts), result)
