"""Tells tokens that their issuer signed, by the checks whose outcome is kept with a token."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sessiond_server.domain.checks import CHECKS_OF_A_TOKEN, judge_wanted
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.facts import TokenFacts
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.revocation_ids import revocation_ids_of
from sessiond_server.domain.token import has_dots_of_a_jws, is_opaque
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.validation.keys import KeySet, TokenParser, VerificationKey
from sessiond_server.service.validation.token_cache import TokenCache, VerifiedToken


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """A configured issuer: what its tokens must look like, and the keys that prove them."""

    policy: IssuerPolicy
    key_set: KeySet


@dataclass(slots=True, repr=False)
class _Work:
    """A token that is being looked into.

    `digest` is None where the token does not even have the form that is worth a digest.
    """

    token: bytes
    digest: bytes | None
    facts: TokenFacts
    waits: bool
    from_issuer: bool
    issuer: TrustedIssuer | None = None
    key: VerificationKey | None = None


class SignedTokens:
    """Tells tokens that a configured issuer signed, and whose claims are right, from all others."""

    def __init__(
        self,
        issuers: Iterable[TrustedIssuer],
        *,
        parser: TokenParser,
        cache: TokenCache,
        max_token_bytes: int,
        encode: Callable[[Claims], bytes],
    ) -> None:
        self._issuers = {issuer.policy.issuer: issuer for issuer in issuers}
        self._parser = parser
        self._cache = cache
        self._max_token_bytes = max_token_bytes
        self._encode = encode
        # What has to be found out before a check can judge.
        self._lookups: Mapping[str, Callable[[_Work], Awaitable[None]]] = MappingProxyType(
            {
                "form": self._read,
                "issuer": self._find_issuer,
                "key": self._find_key,
                "signature": self._verify,
            }
        )

    async def prove(
        self,
        token: bytes,
        requirements: Requirements,
        *,
        waits: bool = True,
        from_issuer: bool = False,
    ) -> VerifiedToken | Rejected:
        """The token with its claims, from memory if it was proven before.

        Time, audience and the rest are not judged here. `from_issuer` is as `KeySet.seek` has it.

        Raises:
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked now; or, unless this
                call `waits`, the issuer is being asked.
        """
        digest = self._digest_of(token)
        known = self._cache.find(digest) if digest else None
        if known is not None and digest is not None:
            rejected = judge_wanted(known.policy, requirements)
            if rejected or self._has_its_key(known):
                return rejected or known
            self._cache.drop(digest)
        facts = TokenFacts(len(token), self._max_token_bytes, requirements)
        return await self._look_into(_Work(token, digest, facts, waits, from_issuer))

    def key_good_for_seconds(self, verified: VerifiedToken) -> float:
        """How long the key of a token may go on to verify, if its issuer does not confirm it meanwhile."""
        return self._issuers[verified.policy.issuer].key_set.good_for_seconds

    def _digest_of(self, token: bytes) -> bytes | None:
        # No digest is computed of what is too large, nor of what does not have the dots of a signed JWT, as
        # most junk does not.
        is_worth_it = len(token) <= self._max_token_bytes and has_dots_of_a_jws(token)
        return hashlib.sha256(token).digest() if is_worth_it else None

    def _has_its_key(self, known: VerifiedToken) -> bool:
        return self._issuers[known.policy.issuer].key_set.find(known.claims.key_id) is known.key

    async def _look_into(self, work: _Work) -> VerifiedToken | Rejected:
        for check in CHECKS_OF_A_TOKEN:
            look_up = self._lookups.get(check.name)
            if look_up:
                await look_up(work)
            rejected = check.judge(work.facts)
            if rejected:
                return rejected
        return self._keep(work)

    async def _read(self, work: _Work) -> None:
        if work.digest is None:
            work.facts.is_opaque = is_opaque(work.token)
        else:
            work.facts.read = self._parser.parse(work.token)

    async def _find_issuer(self, work: _Work) -> None:
        work.issuer = self._issuers.get(work.facts.parsed.issuer or "")
        work.facts.trusted = work.issuer.policy if work.issuer else None

    async def _find_key(self, work: _Work) -> None:
        if work.issuer is not None:
            work.key = await find_key(
                work.facts.parsed.key_id,
                work.issuer.key_set,
                waits=work.waits,
                from_issuer=work.from_issuer,
            )
        work.facts.key_algorithm = work.key.algorithm if work.key else None

    async def _verify(self, work: _Work) -> None:
        """Ask the key whether it signed, unless it has said no to this very token before."""
        if work.issuer is None or work.key is None or work.digest is None:
            return
        parsed, issuer, version = work.facts.parsed, work.facts.policy.issuer, work.issuer.key_set.version
        if self._cache.is_forgery(work.digest, issuer=issuer, key_set_version=version):
            work.facts.is_signed = False
            return
        work.facts.is_signed = work.key.verifies(parsed.signing_input, parsed.signature)
        if not work.facts.is_signed:
            self._cache.add_forgery(work.digest, issuer=issuer, key_set_version=version)

    def _keep(self, work: _Work) -> VerifiedToken:
        if work.key is None or work.digest is None:
            raise TypeError("a token without a key has passed the checks")
        claims, policy = work.facts.claims, work.facts.policy
        ids = revocation_ids_of(claims, policy)
        verified = VerifiedToken(claims, policy, work.key, ids, encoded=self._encode(claims))
        self._cache.add(work.digest, verified)
        return verified


async def find_key(
    key_id: str | None, key_set: KeySet, *, waits: bool = True, from_issuer: bool = False
) -> VerificationKey | None:
    """The key with this id, from memory or from the issuer; None where there is no id or no such key.

    Raises:
        KeysUnavailableError: as `KeySet.seek` raises it.
    """
    if key_id is None:
        return None
    return key_set.find(key_id) or await key_set.seek(key_id, waits=waits, from_issuer=from_issuer)
