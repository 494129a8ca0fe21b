"""Decides on access tokens: gate, form, issuer, key, signature, claims, time, audience, revocation, requirements."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.binding import KEY_MEMBER, confirmation_of
from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.judge import (
    Requirements,
    judge_audience,
    judge_lifetime,
    judge_requirements,
    judge_step_up,
    judge_tenant,
    judge_time,
    judge_type,
)
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.domain.view import traces_of
from sessiond_server.service.clock import Clock
from sessiond_server.service.keys import KeySet, TokenParser, VerificationKey
from sessiond_server.service.possession import Possession
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.token_cache import TokenCache, VerifiedToken

# Verifying so many tokens takes less than a millisecond: several batches at a time let other calls wait for a few.
_VERIFIED_AT_A_STRETCH: Final = 8
_DOTS: Final = 2


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """A configured issuer: what its tokens must look like, and the keys that prove them."""

    policy: IssuerPolicy
    key_set: KeySet


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on a token, and how fresh the knowledge behind it is.

    `cache_for_seconds` is how long a caller may repeat an acceptance, counted from before it asked; None: not at all.
    """

    verdict: VerifiedToken | Rejected
    revision: str
    revision_age_seconds: float
    cache_for_seconds: float | None


class Validation:
    """Verdicts on access tokens, from memory."""

    def __init__(
        self,
        issuers: Iterable[TrustedIssuer],
        *,
        parser: TokenParser,
        cache: TokenCache,
        revocations: Revocations,
        possession: Possession,
        clock: Clock,
        max_token_bytes: int,
        encode: Callable[[Claims], bytes],
    ) -> None:
        self._issuers = {issuer.policy.issuer: issuer for issuer in issuers}
        self._parser = parser
        self._cache = cache
        self._revocations = revocations
        self._possession = possession
        self._clock = clock
        self._max_token_bytes = max_token_bytes
        self._encode = encode

    async def validate(self, token: bytes, requirements: Requirements) -> Answer:
        """Decide on one token.

        Raises:
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked.
            RevocationViewStaleError: what is known of revocations is too old, and the store does not answer.
            StoreUnavailableError: whether a proof of possession has been used before cannot be told.
        """
        verified = await self._verify(token)
        is_proven = await self._is_proven(verified, token, requirements)
        try:
            return self._decide(verified, requirements, is_proven=is_proven)
        except RevocationViewStaleError:
            await self._catch_up([verified])
            return self._decide(verified, requirements, is_proven=is_proven)

    async def validate_all(self, tokens: Sequence[bytes], requirements: Requirements) -> list[Answer]:
        """Decide on many tokens as of one moment, in their order, each on its own; raises as `validate` does."""
        verified: list[tuple[VerifiedToken | Rejected, bool]] = []
        for number, token in enumerate(tokens, start=1):
            one = await self._verify(token)
            verified.append((one, await self._is_proven(one, token, requirements)))
            if number % _VERIFIED_AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        try:
            return [self._decide(one, requirements, is_proven=is_proven) for one, is_proven in verified]
        except RevocationViewStaleError:
            await self._catch_up(one for one, _ in verified)
            return [self._decide(one, requirements, is_proven=is_proven) for one, is_proven in verified]

    async def authenticate(self, token: bytes) -> VerifiedToken | None:
        """The token if its issuer signed it, whatever the time, the audience and its revocation; None for anything else."""
        verified = await self._verify(token)
        return None if isinstance(verified, Rejected) else verified

    async def _is_proven(self, verified: VerifiedToken | Rejected, token: bytes, requirements: Requirements) -> bool:
        if isinstance(verified, Rejected):
            return False
        # What has expired anyway spends no proof, and asks no store.
        if verified.claims.is_bound and judge_time(verified.claims, verified.policy, now=self._clock.now()):
            return False
        return await self._possession.is_proven(verified.claims, token=token, binding=requirements.binding)

    async def _verify(self, token: bytes) -> VerifiedToken | Rejected:
        # Size comes first: not even a digest is computed of what is too large.
        if len(token) > self._max_token_bytes:
            return Rejected(Reason.TOO_LARGE, f"the token is larger than {self._max_token_bytes} bytes")
        # Before the digest too: most junk has not even the dots of a signed JWT (RFC 7515 §7.1).
        if token.count(b".") != _DOTS:
            return _malformed()
        digest = hashlib.sha256(token).digest()
        known = self._cache.find(digest)
        if known is not None:
            if self._issuers[known.policy.issuer].key_set.find(known.claims.key_id) is known.key:
                return known
            self._cache.drop(digest)
        parsed = self._parser.parse(token)
        if parsed is None:
            return _malformed()
        return await self._prove(parsed, digest)

    async def _prove(self, parsed: ParsedToken, digest: bytes) -> VerifiedToken | Rejected:
        issuer = self._issuers.get(parsed.issuer or "")
        if issuer is None:
            return Rejected(Reason.ISSUER_NOT_TRUSTED, "the token's issuer is not one of the configured ones")
        if parsed.algorithm not in issuer.policy.algorithms:
            return Rejected(Reason.ALGORITHM_NOT_ALLOWED, "the token's algorithm is not allowed for its issuer")
        key = await key_of(parsed, issuer.key_set)
        if isinstance(key, Rejected):
            return key
        version = issuer.key_set.version
        if self._cache.is_forgery(digest, issuer=issuer.policy.issuer, key_set_version=version):
            return _forged()
        if not key.verifies(parsed.signing_input, parsed.signature):
            self._cache.add_forgery(digest, issuer=issuer.policy.issuer, key_set_version=version)
            return _forged()
        verified = self._read(parsed, issuer.policy, key)
        if not isinstance(verified, Rejected):
            self._cache.add(digest, verified)
        return verified

    def _read(self, parsed: ParsedToken, policy: IssuerPolicy, key: VerificationKey) -> VerifiedToken | Rejected:
        wrong_type = judge_type(parsed, policy)
        if wrong_type:
            return wrong_type
        claims = read_claims(parsed, policy)
        if isinstance(claims, Rejected):
            return claims
        return (
            judge_lifetime(claims, policy)
            or judge_tenant(claims, policy)
            or VerifiedToken(claims, policy, key, traces_of(claims, policy), encoded=self._encode(claims))
        )

    async def _catch_up(self, verified: Iterable[VerifiedToken | Rejected]) -> None:
        traces = (one.traces for one in verified if isinstance(one, VerifiedToken))
        await asyncio.gather(*map(self._revocations.catch_up, set(map(self._revocations.partition_of, traces))))

    def _decide(self, verified: VerifiedToken | Rejected, requirements: Requirements, *, is_proven: bool) -> Answer:
        if isinstance(verified, Rejected):
            return self._answer(verified)
        return self._judge(verified, requirements, is_proven=is_proven)

    def _judge(self, verified: VerifiedToken, requirements: Requirements, *, is_proven: bool) -> Answer:
        """Everything that can change between two calls, in one synchronous stretch after the last await."""
        claims, policy = verified.claims, verified.policy
        if not requirements.admits(claims.issuer):
            return self._answer(Rejected(Reason.ISSUER_NOT_TRUSTED, "the token's issuer is not one of the wanted ones"))
        now = self._clock.now()
        rejected = (
            judge_time(claims, policy, now=now)
            or judge_audience(claims, policy, requirements)
            or _judge_binding(claims, is_proven=is_proven)
            or self._judge_revocation(verified)
            or judge_requirements(claims, requirements)
            or judge_step_up(claims, requirements, now=now)
        )
        return self._answer(rejected) if rejected else self._accept(verified, requirements, now=now)

    def _judge_revocation(self, verified: VerifiedToken) -> Rejected | None:
        if not self._revocations.revokes(verified.traces):
            return None
        return Rejected(Reason.REVOKED, "the token's session has been ended")

    def _accept(self, verified: VerifiedToken, requirements: Requirements, *, now: float) -> Answer:
        claims, age = verified.claims, self._revocations.age_of(self._revocations.partition_of(verified.traces))
        remaining = min(claims.expires_at - now, self._revocations.lease_seconds - age)
        if requirements.max_auth_age_seconds is not None and claims.auth_time is not None:
            remaining = min(remaining, claims.auth_time + requirements.max_auth_age_seconds - now)
        # What was proven for this request is not proven for the next.
        cacheable = remaining > 0 and not claims.is_bound
        return Answer(verified, self._revocations.revision, age, cache_for_seconds=remaining if cacheable else None)

    def _answer(self, rejected: Rejected) -> Answer:
        return Answer(rejected, self._revocations.revision, self._revocations.age_seconds, cache_for_seconds=None)


async def key_of(parsed: ParsedToken, key_set: KeySet) -> VerificationKey | Rejected:
    """The key that a token names, if it is for the token's algorithm; raises `KeysUnavailableError`."""
    key = None
    if parsed.key_id is not None:
        key = key_set.find(parsed.key_id) or await key_set.seek(parsed.key_id)
    if key is None:
        return Rejected(Reason.KEY_UNKNOWN, "the token's key is not in its issuer's key set")
    if key.algorithm != parsed.algorithm:
        return Rejected(Reason.ALGORITHM_NOT_ALLOWED, "the token's algorithm is not that of its key")
    return key


def _judge_binding(claims: Claims, *, is_proven: bool) -> Rejected | None:
    """A token that names a proof (RFC 7800 `cnf`) is no bearer token."""
    if is_proven:
        return None
    scheme = "DPoP" if (confirmation_of(claims) or "")[:1] == (KEY_MEMBER,) else "Bearer"
    message = "the token is bound to a key whose possession was not proven"
    return Rejected(Reason.BINDING_MISMATCH, message, f'{scheme} error="invalid_token", error_description="{message}"')


def _malformed() -> Rejected:
    return Rejected(Reason.MALFORMED, "this is not a signed JWT in compact form")


def _forged() -> Rejected:
    return Rejected(Reason.SIGNATURE_INVALID, "the token was not signed by its issuer")
