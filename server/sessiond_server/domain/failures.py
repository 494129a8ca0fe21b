"""Every way in which a command can be refused or fail, by name; `transport.statuses` gives each its status."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Final

_QUOTED_CHARACTERS: Final = 80


def quoted(value: str) -> str:
    """A value as a message shows it: escaped, in quotes; of more than 80 characters, as all tokens have, only their number."""
    return json.dumps(value) if len(value) <= _QUOTED_CHARACTERS else f"{len(value)} characters"


class Failure(Exception):
    """A named failure: its meaning is in its type, and nothing of it but its fields reaches a caller."""


class FieldInvalidError(Failure):
    """A request field has a value that is not allowed.

    `found` describes the value without repeating a secret (a token is described by its length).
    """

    def __init__(self, field: str, *, found: str, allowed: str) -> None:
        super().__init__(field)
        self.field = field
        self.found = found
        self.allowed = allowed


class MessageMalformedError(Failure):
    """The request is not a message of the method's type."""


class FeatureUnsupportedError(Failure):
    """The request asks for something that this version does not carry out."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class CallerUnknownError(Failure):
    """The caller did not say who it is, or is not one that is configured."""


class CallerNotPermittedError(Failure):
    """The caller lacks a group, or may not handle what is of another issuer or client: `what` says which, `needed` its name."""

    def __init__(self, what: str, needed: str) -> None:
        super().__init__(what)
        self.what = what
        self.needed = needed


class LoginRefusedError(Failure):
    """What a login produced does not open a session; `rejection` is the reason's name."""

    def __init__(self, rejection: str) -> None:
        super().__init__(rejection)
        self.rejection = rejection


class UpstreamUnavailableError(Failure):
    """The provider did not answer, or not with a decision: nothing has changed for the caller."""


class SessionNotFoundError(Failure):
    """No live session has this id."""


class StoreUnavailableError(Failure):
    """The store did not answer in time; what was asked may or may not have happened there."""


class RevocationViewStaleError(Failure):
    """What is known of revocations is older than the lease, and the store did not bring it up to date."""


class KeysUnavailableError(Failure):
    """The issuer's keys cannot be had now, so nothing can be said of its tokens."""


class PepperMissingError(Failure):
    """An authentic session names a pepper that this server cannot read."""


class SealingKeyMissingError(Failure):
    """A stored session is sealed with a key, or for an issuer, that this server does not have."""


class RefreshRefusal(StrEnum):
    """Why a refresh token was refused."""

    INVALID = "REFRESH_TOKEN_INVALID"
    SUPERSEDED = "REFRESH_TOKEN_SUPERSEDED"
    REUSED = "REFRESH_TOKEN_REUSED"
    REVOKED = "SESSION_REVOKED"
    IDLE_TIMEOUT = "SESSION_IDLE_TIMEOUT"
    LIFETIME_EXCEEDED = "SESSION_LIFETIME_EXCEEDED"
    BINDING_MISMATCH = "BINDING_MISMATCH"
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED"


class RefreshRefusedError(Failure):
    """The presented refresh token opens nothing."""

    def __init__(self, refusal: RefreshRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal
