"""Tokens of workloads by their digests: those that are believed, and those whose signature was wrong."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from sessiond_server.domain.caller import Caller
from sessiond_server.service.clock import Clock
from sessiond_server.service.validation.keys import KeySet, VerificationKey

T = TypeVar("T")

# For so long a token is believed without another look at it.
BELIEVED_SECONDS: Final = 300.0
_MAX_KNOWN: Final = 8192
_MAX_FORGERIES: Final = 4096


@dataclass(frozen=True, slots=True, repr=False)
class KnownToken:
    """A token whose signature was good, until when it is, and the key that said so.

    `verified_at` is that moment by the steady clock, `good_until` in seconds since 1970.
    """

    caller: Caller
    good_until: float
    key_set: KeySet
    key_id: str
    key: VerificationKey
    verified_at: float


class KnownTokens:
    """What was found of tokens; of both kinds the latest are kept, and of none more than its digest."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, KnownToken] = OrderedDict()
        self._forgeries: OrderedDict[bytes, VerificationKey] = OrderedDict()

    def __len__(self) -> int:
        """How many were good when they were last looked at."""
        return len(self._known)

    def caller_of(self, digest: bytes) -> Caller | None:
        """The caller of a token that is believed: its end and its key are looked at every time."""
        known = self._known.get(digest)
        if known is None:
            return None
        if self._clock.now() >= known.good_until or known.key_set.find(known.key_id) is not known.key:
            del self._known[digest]
            return None
        if self._clock.steady() - known.verified_at >= BELIEVED_SECONDS:
            return None
        self._known.move_to_end(digest)
        return known.caller

    def believe(self, digest: bytes, token: KnownToken) -> None:
        """Believe a token for a while."""
        _put(self._known, digest, token, at_most=_MAX_KNOWN)

    def was_good(self, digest: bytes) -> bool:
        """Whether this is a token that was believed: no stranger can have made it up."""
        return digest in self._known

    def add_forgery(self, digest: bytes, key: VerificationKey) -> None:
        """Remember that `key` has not signed this token."""
        _put(self._forgeries, digest, key, at_most=_MAX_FORGERIES)

    def is_forgery(self, digest: bytes, key: VerificationKey) -> bool:
        """Whether `key` was found not to have signed this token."""
        return self._forgeries.get(digest) is key


def _put(tokens: OrderedDict[bytes, T], digest: bytes, value: T, *, at_most: int) -> None:
    tokens[digest] = value
    tokens.move_to_end(digest)
    if len(tokens) > at_most:
        tokens.popitem(last=False)
