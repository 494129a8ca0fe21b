"""What is known of a token when it is judged, and the form of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Rejected

T = TypeVar("T")
FactsT = TypeVar("FactsT")


@dataclass(slots=True, repr=False)
class TokenFacts:
    """What is known of a token so far; whoever runs the checks fills it in on the way.

    `read` is what the strict parser made of the token, `trusted` the policy of the configured issuer that it
    names, `key_algorithm` the algorithm of the key that it names, and `is_signed` whether that key verifies
    its signature. None stands for what was not found, or has not been looked for yet. `is_opaque` says that
    what could not be read has not even the dots of a signed JWT.
    """

    size: int
    max_size: int
    requirements: Requirements
    read: ParsedToken | None = None
    trusted: IssuerPolicy | None = None
    key_algorithm: str | None = None
    is_signed: bool | None = None
    is_opaque: bool = False
    _typed: Claims | Rejected | None = field(default=None, init=False)

    @property
    def parsed(self) -> ParsedToken:
        """The parts of the token; known after the check of its form."""
        return _known(self.read)

    @property
    def policy(self) -> IssuerPolicy:
        """What is required of its issuer's tokens; known after the check of its issuer."""
        return _known(self.trusted)

    @property
    def typed(self) -> Claims | Rejected:
        """Its claims, or the rejection that says which of them is not right."""
        if self._typed is None:
            self._typed = read_claims(self.parsed, self.policy)
        return self._typed

    @property
    def claims(self) -> Claims:
        """Its claims; known after the check of them."""
        if isinstance(self.typed, Rejected):
            raise TypeError("the claims are not right")
        return self.typed


@dataclass(slots=True, repr=False)
class CallFacts:
    """A token that its issuer signed, and the call that asks about it; `now` is seconds since 1970.

    It is made at every call, and not frozen because that would triple what making it costs.

    `is_proven` says whether the possession of the key that the token is bound to was proven. `is_revoked` is
    asked only when its check is reached: what is rejected before needs no fresh knowledge of revocations.
    """

    claims: Claims
    policy: IssuerPolicy
    requirements: Requirements
    now: float
    is_proven: bool
    is_revoked: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Check(Generic[FactsT]):
    """One step: its name, and the pure function that decides; None lets the token pass.

    `is_prerequisite` says that the checks after it have nothing to judge where it rejects.
    """

    name: str
    judge: Callable[[FactsT], Rejected | None]
    is_prerequisite: bool = False


def _known(fact: T | None) -> T:
    if fact is None:
        raise TypeError("a check was run before what it judges was known")
    return fact
