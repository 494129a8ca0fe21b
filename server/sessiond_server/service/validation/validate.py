"""Decides on access tokens: first what is kept of a token, then what has to be asked at every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from sessiond_server.domain.checks import CHECKS_OF_A_CALL, judge_time
from sessiond_server.domain.confirmation import Evidence
from sessiond_server.domain.consistency import Consistency, FullyConsistent
from sessiond_server.domain.facts import CallFacts
from sessiond_server.domain.failures import (
    KeysUnavailableError,
    RateLimitedError,
    RevocationViewStaleError,
)
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.clock import Clock
from sessiond_server.service.revocation.consistency import RequiredConsistency
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import VerifiedToken

WATCHED_CACHE_SECONDS: Final = 60.0
# Verifying this many tokens takes less than a millisecond: several batches at the same time let other calls
# wait for a few milliseconds.
_VERIFIED_AT_A_STRETCH: Final = 8

T = TypeVar("T")


@dataclass(slots=True)
class ValidationResult:
    """The verdict on a token, and how fresh the knowledge behind it is.

    It is made at every call, and not frozen because that would triple what making it costs.

    `cache_for_seconds` is how long a caller may repeat an acceptance, counted from before it asked, and
    `watched_cache_for_seconds` how long one may that watches revocations; None means not at all. `is_stale`
    says that this knowledge is older than it may be, and that the operator chose to go on all the same.
    """

    verdict: VerifiedToken | Rejected
    revision: str
    revision_age_seconds: float
    cache_for_seconds: float | None = None
    watched_cache_for_seconds: float | None = None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Undecided:
    """No verdict on one token of many for now, for the reason that would fail a call about it alone."""

    failure: KeysUnavailableError | RateLimitedError


@dataclass(slots=True)
class _Asked:
    """What a call demands, and how long its caller is known; made at every call, as `ValidationResult` is."""

    requirements: Requirements
    consistency: Consistency | None
    caller_known_until: float | None


class Validation:
    """Verdicts on access tokens, from memory.

    Who watches revocations may repeat an acceptance for `watched_cache_seconds`. With `answers_when_stale`
    tokens that may have been revoked are accepted while the store does not answer, and the answers say so.
    """

    def __init__(
        self,
        signed: SignedTokens,
        *,
        revocations: Revocations,
        possession: ProofOfPossession,
        clock: Clock,
        watched_cache_seconds: float = WATCHED_CACHE_SECONDS,
        answers_when_stale: bool = False,
    ) -> None:
        self._signed = signed
        self._watched_cache_seconds = watched_cache_seconds
        self._answers_when_stale = answers_when_stale
        self._revocations = revocations
        self._consistency = RequiredConsistency(revocations)
        self._possession = possession
        self._clock = clock

    async def validate(
        self,
        token: bytes,
        requirements: Requirements,
        *,
        proof: Evidence | None = None,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
        from_issuer: bool = False,
    ) -> ValidationResult:
        """Decide on one token; `proof` is what shows that its bearer has the key that it is bound to.

        Without a `consistency` what is known of revocations will do. Nobody may repeat the answer for longer
        than its caller is known, in seconds since 1970. `from_issuer` says that its issuer itself has just
        given it to us, over TLS.

        Raises:
            InputRefusedError: `consistency` is a revision beyond the log's end.
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked now.
            OverloadedError: too many calls wait for a revision.
            RevocationViewStaleError: what is known of revocations is too old, and the store does not answer.
            StoreUnavailableError: whether a proof of possession has been used before cannot be told.
        """
        verified = await self._signed.prove(token, requirements, from_issuer=from_issuer)
        if consistency:
            # Before a proof is spent: a call that fails here can be repeated with the same one.
            await self._consistency.reach(consistency, self._partitions_of([verified]))
        is_proven = await self._is_proven(verified, token, requirements, proof)
        asked = _Asked(requirements, consistency, caller_known_until)
        decide = partial(self._decide, verified, asked, is_proven=is_proven)
        try:
            return decide()
        except RevocationViewStaleError:
            return await self._decide_late([verified], decide, consistency)

    async def validate_all(
        self,
        tokens: Sequence[bytes],
        requirements: Requirements,
        *,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
    ) -> list[ValidationResult | Undecided]:
        """Decide on many tokens as of one moment, in their order, each on its own.

        A proof of possession is for one token, so none comes with these. Nor is an issuer waited for, as the
        tokens may be those of strangers: one whose key is not at hand stays undecided, alone.

        Raises:
            InputRefusedError: `consistency` is a revision beyond the log's end.
            KeysUnavailableError: that is so of every token.
            OverloadedError: too many calls wait for a revision.
            RevocationViewStaleError: what is known of revocations is too old, and the store does not answer.
        """
        verified: list[VerifiedToken | Rejected | Undecided] = []
        for number, token in enumerate(tokens, start=1):
            verified.append(await self._prove_now(token, requirements))
            if number % _VERIFIED_AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        if all(isinstance(one, Undecided) for one in verified):
            raise KeysUnavailableError
        if consistency:
            await self._consistency.reach(consistency, self._partitions_of(verified))
        asked = _Asked(requirements, consistency, caller_known_until)
        decide = partial(self._decide_on_many, verified, asked)
        try:
            return decide()
        except RevocationViewStaleError:
            return await self._decide_late(verified, decide, consistency)

    async def authenticate(
        self, token: bytes, *, permitted_issuers: frozenset[str] | None = None
    ) -> VerifiedToken | None:
        """The token if its issuer signed it, whatever the time, the audience and its revocation; else None.

        Of an issuer that is not permitted nothing is told, and its keys are not asked for; None permits all.

        Raises:
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked now.
        """
        verified = await self._signed.prove(token, Requirements(permitted_issuers=permitted_issuers))
        return None if isinstance(verified, Rejected) else verified

    async def _prove_now(
        self, token: bytes, requirements: Requirements
    ) -> VerifiedToken | Rejected | Undecided:
        try:
            return await self._signed.prove(token, requirements, waits=False)
        except KeysUnavailableError as failure:
            return Undecided(failure)

    def _decide_on_many(
        self,
        verified: Iterable[VerifiedToken | Rejected | Undecided],
        asked: _Asked,
        *,
        however_old: bool = False,
    ) -> list[ValidationResult | Undecided]:
        return [
            one
            if isinstance(one, Undecided)
            else self._decide(one, asked, is_proven=_needs_no_proof(one), however_old=however_old)
            for one in verified
        ]

    async def _is_proven(
        self,
        verified: VerifiedToken | Rejected,
        token: bytes,
        requirements: Requirements,
        proof: Evidence | None,
    ) -> bool:
        if isinstance(verified, Rejected) or not verified.claims.is_bound:
            return _needs_no_proof(verified)
        # A token that has expired anyway spends no proof, and asks no store.
        if judge_time(self._facts(verified, requirements, is_proven=False)):
            return False
        return await self._possession.is_proven(verified.claims, token=token, proof=proof)

    async def _decide_late(
        self,
        verified: Sequence[VerifiedToken | Rejected | Undecided],
        decide: Callable[..., T],
        consistency: Consistency | None,
    ) -> T:
        """What `decide` finds once the log was read, or by what is known `however_old` that is.

        The latter where the store does not answer and the operator chose so; not for a call that demands
        more.
        """
        try:
            await self._catch_up(verified)
            return decide()
        except RevocationViewStaleError:
            if consistency or not self._answers_when_stale or not self._revocations.is_synced:
                raise
        return decide(however_old=True)

    async def _catch_up(self, verified: Iterable[VerifiedToken | Rejected | Undecided]) -> None:
        await asyncio.gather(*map(self._revocations.catch_up, self._partitions_of(verified)))

    def _partitions_of(self, verified: Iterable[VerifiedToken | Rejected | Undecided]) -> set[int]:
        ids = (one.revocation_ids for one in verified if isinstance(one, VerifiedToken))
        return set(map(self._revocations.partition_of, ids))

    def _decide(
        self,
        verified: VerifiedToken | Rejected,
        asked: _Asked,
        *,
        is_proven: bool,
        however_old: bool = False,
    ) -> ValidationResult:
        """Everything that can change between two calls, in one synchronous stretch after the last await."""
        if isinstance(verified, Rejected):
            return self._rejected(verified)
        facts = self._facts(verified, asked.requirements, is_proven=is_proven, however_old=however_old)
        for check in CHECKS_OF_A_CALL:
            rejected = check.judge(facts)
            if rejected:
                return self._rejected(rejected)
        result = self._accepted(verified)
        # What was proven for this request is not proven for the next; and who wants to know everything that
        # is known now wants to know it the next time too.
        if not (
            result.is_stale or verified.claims.is_bound or isinstance(asked.consistency, FullyConsistent)
        ):
            self._allow_keeping(result, verified, asked, now=facts.now)
        return result

    def _facts(
        self,
        verified: VerifiedToken,
        requirements: Requirements,
        *,
        is_proven: bool,
        however_old: bool = False,
    ) -> CallFacts:
        return CallFacts(
            verified.claims,
            verified.policy,
            requirements,
            self._clock.now(),
            is_proven,
            lambda: self._revocations.revokes(verified.revocation_ids, however_old=however_old),
        )

    def _accepted(self, verified: VerifiedToken) -> ValidationResult:
        revocations = self._revocations
        age = revocations.age_of(revocations.partition_of(verified.revocation_ids))
        is_stale = age >= revocations.max_staleness_seconds
        return ValidationResult(verified, revocations.revision, age, is_stale=is_stale)

    def _allow_keeping(
        self, result: ValidationResult, verified: VerifiedToken, asked: _Asked, *, now: float
    ) -> None:
        """Say how long an acceptance may be repeated: for no longer than what it rests on is sure to hold."""
        claims, requirements = verified.claims, asked.requirements
        remaining = min(claims.expires_at - now, self._signed.key_good_for_seconds(verified))
        if requirements.max_auth_age_seconds is not None and claims.auth_time is not None:
            remaining = min(remaining, claims.auth_time + requirements.max_auth_age_seconds - now)
        if asked.caller_known_until is not None:
            remaining = min(remaining, asked.caller_known_until - now)
        unseen = self._revocations.max_staleness_seconds - result.revision_age_seconds
        result.cache_for_seconds = _positive(min(remaining, unseen))
        result.watched_cache_for_seconds = _positive(min(remaining, self._watched_cache_seconds))

    def _rejected(self, rejected: Rejected) -> ValidationResult:
        revocations = self._revocations
        return ValidationResult(rejected, revocations.revision, revocations.age_seconds)


def _needs_no_proof(verified: VerifiedToken | Rejected) -> bool:
    return isinstance(verified, VerifiedToken) and not verified.claims.is_bound


def _positive(seconds: float) -> float | None:
    return seconds if seconds > 0 else None
