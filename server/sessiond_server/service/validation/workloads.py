"""Knows callers by the tokens of their workloads, and lets strangers make it do little."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from typing_extensions import override

from sessiond_server.domain.caller import UNKNOWN, Caller
from sessiond_server.domain.checks import judge_key, judge_signature
from sessiond_server.domain.facts import CallFacts, TokenFacts
from sessiond_server.domain.failures import CallerUnknownError, KeysUnavailableError, OverloadedError
from sessiond_server.domain.requirements import NO_REQUIREMENTS
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.domain.workload_checks import CHECKS_OF_THE_MOMENT, CHECKS_WITHOUT_A_KEY
from sessiond_server.service.callers import PresentedToken, Workload, WorkloadTokens
from sessiond_server.service.clock import Clock
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.budget import Budget
from sessiond_server.service.validation.keys import TokenParser, VerificationKey
from sessiond_server.service.validation.known_workloads import KnownToken, KnownTokens
from sessiond_server.service.validation.signed import TrustedIssuer

# Signatures that turn out to be wrong: so many at a time, and then one after each such span. To look at them
# takes a tenth of a core at most.
_FORGERIES: Final = 100
_SECONDS_A_FORGERY: Final = 1 / 500
# Calls that wait for an issuer to be asked for a key.
_MAX_SEEKING: Final = 64
# What metrics say of a token beside the reasons of a rejection.
_ACCEPTED: Final = "ACCEPTED"
_SUBJECT_UNKNOWN: Final = "SUBJECT_UNKNOWN"
_KEYS_UNAVAILABLE: Final = "KEYS_UNAVAILABLE"
_OVERLOADED: Final = "OVERLOADED"
_OF_END_USERS: Final = frozenset({Reason.REVOKED, Reason.SCOPE_INSUFFICIENT, Reason.STEP_UP_REQUIRED})
# Everything that they may say of a token of an issuer of ours.
JUDGED: Final = (
    _ACCEPTED,
    _SUBJECT_UNKNOWN,
    _KEYS_UNAVAILABLE,
    _OVERLOADED,
    *(reason.name for reason in Reason if reason not in _OF_END_USERS),
)
# The same of a token that names no issuer of ours.
JUDGED_OF_NOBODY: Final = (
    Reason.TOO_LARGE.name,
    Reason.MALFORMED.name,
    Reason.ISSUER_NOT_TRUSTED.name,
)


@dataclass(frozen=True, slots=True, repr=False)
class _Read:
    """A token that is right in everything that needs no key, and would be this caller's."""

    digest: bytes
    facts: TokenFacts
    issuer: TrustedIssuer
    caller: Caller
    key_id: str


class Workloads(WorkloadTokens):
    """The workloads that are callers: `callers` by issuer and subject.

    A signature is looked at only where everything else is right, and, of a token that was never seen, only
    while few were found to be wrong lately. A token that was good before is looked at all the same.
    """

    def __init__(
        self,
        issuers: Iterable[TrustedIssuer],
        callers: Mapping[Workload, Caller],
        *,
        parser: TokenParser,
        max_token_bytes: int,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._issuers = {issuer.policy.issuer: issuer for issuer in issuers}
        self._callers = callers
        self._parser = parser
        self._max_token_bytes = max_token_bytes
        self._clock = clock
        self._telemetry = telemetry
        self._known = KnownTokens(clock=clock)
        self._forgeries = Budget(clock, at_most=_FORGERIES, seconds_each=_SECONDS_A_FORGERY)
        self._seeking = 0

    def __len__(self) -> int:
        """How many tokens are known."""
        return len(self._known)

    @override
    def identify(self, token: PresentedToken) -> Caller:
        known = self._known.caller_of(token.digest)
        if known:
            return known
        read = self._read(token)
        key = read.issuer.key_set.find(read.key_id)
        return self._verify(read, key) if key else self._refuse(read.issuer, Reason.KEY_UNKNOWN.name)

    @override
    def meet(self, token: PresentedToken) -> Caller | Awaitable[Caller]:
        known = self._known.caller_of(token.digest)
        if known:
            return known
        read = self._read(token)
        key = read.issuer.key_set.find(read.key_id)
        return self._seek_key(read) if key is None else self._verify(read, key)

    def _read(self, token: PresentedToken) -> _Read:
        """Judge whatever needs no key; raises `CallerUnknownError`."""
        facts = TokenFacts(len(token.text), self._max_token_bytes, NO_REQUIREMENTS)
        facts.read = self._parser.parse(token.text)
        issuer = self._issuers.get(facts.read.issuer or "") if facts.read else None
        facts.trusted = issuer.policy if issuer else None
        for check in CHECKS_WITHOUT_A_KEY:
            self._require(issuer, check.judge(facts))
        if issuer is None:
            raise TypeError("a token without an issuer has passed the checks")
        asked = CallFacts(
            facts.claims,
            facts.policy,
            NO_REQUIREMENTS,
            self._clock.now(),
            is_proven=not facts.claims.is_bound,
            is_revoked=lambda: False,
        )
        for moment_check in CHECKS_OF_THE_MOMENT:
            self._require(issuer, moment_check.judge(asked))
        caller = self._callers.get(Workload(issuer.policy.issuer, facts.claims.subject))
        key_id = facts.parsed.key_id
        if caller is None or key_id is None:
            self._refuse(issuer, _SUBJECT_UNKNOWN if caller is None else Reason.KEY_UNKNOWN.name)
        return _Read(token.digest, facts, issuer, caller, key_id)

    async def _seek_key(self, read: _Read) -> Caller:
        """Ask the issuer for the key, if that is due, where few enough wait for it."""
        if self._seeking >= _MAX_SEEKING:
            self._count(read.issuer, _KEYS_UNAVAILABLE)
            raise KeysUnavailableError
        self._seeking += 1
        try:
            key = await read.issuer.key_set.seek(read.key_id)
        except KeysUnavailableError:
            self._count(read.issuer, _KEYS_UNAVAILABLE)
            raise
        finally:
            self._seeking -= 1
        if key is None:
            self._refuse(read.issuer, Reason.KEY_UNKNOWN.name)
        # Another call may have brought the same token meanwhile.
        return self._known.caller_of(read.digest) or self._verify(read, key)

    def _verify(self, read: _Read, key: VerificationKey) -> Caller:
        """Judge the signature, and believe the token if it is good.

        Raises:
            CallerUnknownError: it is not.
            OverloadedError: too many were not lately, and this token was never seen.
        """
        read.facts.key_algorithm = key.algorithm
        self._require(read.issuer, judge_key(read.facts))
        read.facts.is_signed = self._is_signed(read, key)
        self._require(read.issuer, judge_signature(read.facts))
        return self._believe(read, key)

    def _is_signed(self, read: _Read, key: VerificationKey) -> bool:
        if self._known.is_forgery(read.digest, key):
            return False
        # What was believed once, no stranger has made up.
        if not self._forgeries.has_one and not self._known.was_good(read.digest):
            self._count(read.issuer, _OVERLOADED)
            raise OverloadedError
        parsed = read.facts.parsed
        is_signed = key.verifies(parsed.signing_input, parsed.signature)
        if not is_signed:
            self._forgeries.spend()
            self._known.add_forgery(read.digest, key)
        return is_signed

    def _believe(self, read: _Read, key: VerificationKey) -> Caller:
        """Its caller has the name by which sessions and caches know it, whichever token it shows."""
        end = read.facts.claims.expires_at
        caller = replace(read.caller, known_until=end)
        known = KnownToken(caller, end, read.issuer.key_set, read.key_id, key, self._clock.steady())
        self._known.believe(read.digest, known)
        self._count(read.issuer, _ACCEPTED)
        return caller

    def _require(self, issuer: TrustedIssuer | None, rejected: Rejected | None) -> None:
        if rejected:
            self._refuse(issuer, rejected.reason.name)

    def _refuse(self, issuer: TrustedIssuer | None, why: str) -> NoReturn:
        self._count(issuer, why)
        raise CallerUnknownError(why)

    def _count(self, issuer: TrustedIssuer | None, outcome: str) -> None:
        """A token that names no configured issuer is of an unknown one, whatever it calls it."""
        self._telemetry.workload_token_judged(issuer.policy.issuer if issuer else UNKNOWN, outcome)
