"""Tokens whose signature and claims have been found good, kept so that a second call costs a look-up."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, fields
from operator import attrgetter
from sys import getsizeof
from typing import Final

from sessiond_server.domain.claims import Actor, Claims
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.service.validation.keys import VerificationKey

# What the objects of one entry weigh beside the texts that they hold, measured with tracemalloc; it errs
# upwards.
_ENTRY_OVERHEAD_BYTES: Final = 1000
_MAX_FORGERIES: Final = 4096


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that its issuer signed and whose claims are well formed.

    Time, audience and revocation are still to be judged.

    `encoded` is the claims as the transport sends them. `weight` is about how many bytes of memory this
    holds.
    """

    claims: Claims
    policy: IssuerPolicy
    key: VerificationKey
    revocation_ids: RevocationIds
    encoded: bytes
    weight: int = field(init=False)

    def __post_init__(self) -> None:
        """Weigh it once, while its issuer's signature has just cost more than that."""
        weight = _ENTRY_OVERHEAD_BYTES + _weight_of(self.claims) + getsizeof(self.encoded)
        object.__setattr__(self, "weight", weight)


_VALUES: Final = attrgetter(*(field.name for field in fields(Claims)))


def _weight_of(claims: Claims) -> int:
    """What the claims hold: lists may be long, and one letter can make a whole text four bytes wide."""
    values = _VALUES(claims)
    items = (item for value in values if isinstance(value, tuple) for item in value)
    return sum(map(getsizeof, values)) + sum(map(getsizeof, items)) + _weight_of_actor(claims.actor)


def _weight_of_actor(actor: Actor | None) -> int:
    if actor is None:
        return 0
    return sum(map(getsizeof, (actor, actor.issuer, actor.subject))) + _weight_of_actor(actor.actor)


class TokenCache:
    """Verified tokens by the digest of their exact bytes; bounded by bytes, least recently used out first.

    No issuer takes more than half, so that one issuer's flood does not slow the others' tokens. Beside them
    stands a small memory of forgeries: digests whose signature was wrong under a version of the issuer's key
    set.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._tokens: OrderedDict[bytes, VerifiedToken] = OrderedDict()
        self._bytes_of: dict[str, int] = {}
        self._forgeries: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        """How many tokens are held."""
        return len(self._tokens)

    def find(self, digest: bytes) -> VerifiedToken | None:
        """The verified token with this digest."""
        token = self._tokens.get(digest)
        if token is None:
            self.misses += 1
            return None
        self.hits += 1
        self._tokens.move_to_end(digest)
        return token

    def add(self, digest: bytes, token: VerifiedToken) -> None:
        """Keep `token`, dropping what it displaces."""
        self.drop(digest)
        issuer, weight = token.policy.issuer, token.weight
        while self._bytes_of.get(issuer, 0) + weight > self._max_bytes // 2:
            oldest = next((key for key, held in self._tokens.items() if held.policy.issuer == issuer), None)
            if oldest is None:
                return
            self.drop(oldest)
        while self.bytes + weight > self._max_bytes:
            self.drop(next(iter(self._tokens)))
        self._tokens[digest] = token
        self._count(issuer, weight)

    def drop(self, digest: bytes) -> None:
        """Forget a token, if it is held."""
        token = self._tokens.pop(digest, None)
        if token is not None:
            self._count(token.policy.issuer, -token.weight)

    def add_forgery(self, digest: bytes, *, issuer: str, key_set_version: int) -> None:
        """Remember that this token's signature is wrong under the keys of this version."""
        self._forgeries[digest] = (issuer, key_set_version)
        if len(self._forgeries) > _MAX_FORGERIES:
            self._forgeries.popitem(last=False)

    def is_forgery(self, digest: bytes, *, issuer: str, key_set_version: int) -> bool:
        """Whether the signature was found wrong under these very keys."""
        return self._forgeries.get(digest) == (issuer, key_set_version)

    def _count(self, issuer: str, weight: int) -> None:
        self.bytes += weight
        self._bytes_of[issuer] = self._bytes_of.get(issuer, 0) + weight
