"""What a request is told that does not get through; how it is told is a table of each protocol."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

import grpc

from sessiond.errors import InvalidArgumentError, SessiondError, UnavailableError
from sessiond.policy import Policy
from sessiond.results import NextAction, Reason, Rejection

_SHORTEST_WAIT: Final = timedelta(seconds=1)


class Kind(Enum):
    """A row of the tables of statuses."""

    NO_CREDENTIALS = auto()
    INVALID_REQUEST = auto()
    CROSS_SITE = auto()
    NO_POLICY = auto()  # nothing says who may do this
    INSUFFICIENT = auto()
    REJECTED = auto()
    UNAVAILABLE = auto()
    MISCONFIGURED = auto()  # nobody but the operator can do anything about it


_OPERATORS: Final = frozenset({Kind.MISCONFIGURED, Kind.NO_POLICY})


@dataclass(frozen=True, slots=True)
class Denial:
    """What a request is told, and why.

    `reason` is a name of `Reason` for a rejection, and one for the kind otherwise. `next_action` is None
    where the client can do nothing but repeat the request. `challenges` are values of `WWW-Authenticate`.
    `why` is not for the client. `retry` says that the same request, made again, may well get through.
    """

    kind: Kind
    reason: str
    next_action: NextAction | None = None
    challenges: tuple[str, ...] = ()
    retry_after: timedelta = timedelta(0)
    why: Rejection | Exception | None = None
    retry: bool = False

    def log(self, logger: logging.Logger, about: str) -> None:
        """Tell the operator of what only the operator can mend.

        Of an error that is not the client's own its type is told: its text may have anything in it.
        """
        if self.kind not in _OPERATORS:
            return
        told = str(self.why) if isinstance(self.why, SessiondError) else type(self.why).__name__
        logger.error(
            "a request is refused because of this service's own configuration: %s: %s, %s",
            about,
            self.reason,
            told if self.why is not None else "nothing says who may do this",
        )


def missing(policy: Policy, *, takes_dpop: bool) -> Denial:
    """For a request without a token (RFC 6750 §3.1): it is no error, but told what is required."""
    scopes = " ".join(policy.scopes)
    parameters = f' scope="{scopes}"' if scopes else ""
    schemes = ("Bearer", "DPoP") if takes_dpop else ("Bearer",)
    challenges = tuple(scheme + parameters for scheme in schemes)
    return Denial(Kind.NO_CREDENTIALS, "NO_CREDENTIALS", NextAction.REAUTHENTICATE, challenges)


def invalid(why: Exception) -> Denial:
    """For a request of which it is not clear which token it means."""
    challenges = ('Bearer error="invalid_request"',)
    return Denial(Kind.INVALID_REQUEST, "INVALID_REQUEST", None, challenges, why=why)


CROSS_SITE: Final = Denial(Kind.CROSS_SITE, "CROSS_SITE", NextAction.DENY)
NO_POLICY: Final = Denial(Kind.NO_POLICY, "NO_POLICY", NextAction.DENY)


def of_rejection(rejection: Rejection) -> Denial:
    """For a token that is not accepted."""
    kind = Kind.INSUFFICIENT if rejection.reason is Reason.SCOPE_INSUFFICIENT else Kind.REJECTED
    # A 401 has a challenge (RFC 9110 §15.5.2), whatever a newer server leaves out.
    challenge = rejection.www_authenticate or 'Bearer error="invalid_token"'
    return Denial(kind, rejection.reason, rejection.next_action, (challenge,), why=rejection)


def of_error(error: Exception) -> Denial:
    """For what a validator raised instead of giving a verdict."""
    if isinstance(error, UnavailableError):
        return _unavailable(error)
    if isinstance(error, InvalidArgumentError) and error.metadata.get("field", "").startswith("proof"):
        return invalid(error)  # it is the client's, not ours
    if isinstance(error, SessiondError) and error.code is grpc.StatusCode.CANCELLED:
        return _unavailable(error)  # this side is closing down
    return Denial(Kind.MISCONFIGURED, "INTERNAL", why=error)


def _unavailable(error: SessiondError) -> Denial:
    wait = max(_SHORTEST_WAIT, error.retry_after or _SHORTEST_WAIT)
    return Denial(Kind.UNAVAILABLE, "UNAVAILABLE", retry_after=wait, why=error)
