"""Every way in which a command can be refused or fail, by name.

`transport.failures` gives each its status.
"""

from __future__ import annotations

import json
from enum import Enum, StrEnum
from typing import Final

from sessiond_server.domain.rate import Activity, Per
from sessiond_server.domain.verdict import Reason, Rejected

_QUOTED_CHARACTERS: Final = 80


def quoted(value: str) -> str:
    """A value as a message shows it: escaped and in quotes.

    Of a value of more than 80 characters, as all tokens have, only their number is shown.
    """
    return json.dumps(value) if len(value) <= _QUOTED_CHARACTERS else f"{len(value)} characters"


class Failure(Exception):
    """A named failure: its meaning is in its type, and nothing of it but its fields reaches a caller."""


class Input(Enum):
    """A part of what a caller said, by its meaning; the codec knows under which name the request has it."""

    ISSUER = "the issuer"
    REDIRECT_URI = "the redirect address"
    LOCAL_LOGIN = "a login at the local issuer as a whole"
    AUDIENCES = "the audiences of such a login"
    AUTH_TIME = "when its user proved who they are"
    CLAIMS = "its further claims"
    REVISION = "the revision that the knowledge of revocations must have reached"
    SPARED_SESSION = "the session that stays when its subject's sessions end"


class InputRefusedError(Failure):
    """Something that the caller said is not allowed.

    `found` describes the value without repeating a secret (a token is described by its length).
    """

    def __init__(self, what: Input, *, found: str, allowed: str) -> None:
        super().__init__(what)
        self.what = what
        self.found = found
        self.allowed = allowed


class CallerUnknownError(Failure):
    """The caller did not say who it is, or is not one that is configured.

    `why` is a word for the log: its caller is told the same, whatever is wrong.
    """

    def __init__(self, why: str = "") -> None:
        super().__init__()
        self.why = why


class CallerNotPermittedError(Failure):
    """The caller lacks a group, or may not handle what belongs to another issuer or client.

    `what` says which of these it is, `needed` names it.
    """

    def __init__(self, what: str, needed: str) -> None:
        super().__init__(what)
        self.what = what
        self.needed = needed


class RateLimitedError(Failure):
    """Something is done more often than it may be; nothing was begun.

    `rate` is how often, as the settings have it.
    """

    def __init__(self, activity: Activity, per: Per, rate: str, *, wait_seconds: float) -> None:
        super().__init__(activity, per)
        self.activity = activity
        self.per = per
        self.rate = rate
        self.wait_seconds = wait_seconds


class LoginRefusal(Enum):
    """Why what a login produced does not open a session.

    Beside these there are the reasons for which its access token can be rejected.
    """

    INVALID_GRANT = "the provider refuses the authorization code"
    NO_REFRESH_TOKEN = "the provider gave no refresh token"
    NO_ID_TOKEN = "a nonce is to be checked, and the provider gave no ID token"
    ID_TOKEN_INVALID = "the ID token is not good, or not for this login"
    CLIENT_MISMATCH = "the access token was issued to another application"
    REFRESH_TOKEN_BOUND = (
        "the provider has bound the refresh token to the client's key, so that sessiond cannot use it: "
        "configure a client with a secret"
    )
    SESSION_LIMIT = "the subject has as many sessions as it may, and none of them is to end"


class LoginRefusedError(Failure):
    """What a login produced does not open a session; `rejected` is said of its access token."""

    def __init__(self, why: LoginRefusal | Reason | Rejected) -> None:
        super().__init__(why)
        self.rejected = why if isinstance(why, Rejected) else None
        self.why = why.reason if isinstance(why, Rejected) else why


class ProviderUnavailableError(Failure):
    """The provider did not answer, or did not decide: nothing has changed for the caller."""


class SessionNotFoundError(Failure):
    """No live session has this id."""


class StoreUnavailableError(Failure):
    """The store did not answer in time; what was asked may or may not have happened there."""


class RevocationViewStaleError(Failure):
    """What is known of revocations is older than it may be, and the store did not bring it up to date."""


class RevocationLogFullError(Failure):
    """The log of revocations has as many entries as it may: nothing was revoked that was not before."""


class KeysUnavailableError(Failure):
    """The issuer's keys cannot be had now, so nothing can be said of its tokens."""


class OverloadedError(Failure):
    """There is more to do than can be done: nothing was begun."""


class TimeOverError(Failure):
    """A call has too little time left for what it wants to change: nothing was begun."""


class ShuttingDownError(Failure):
    """This server takes no new calls, because it is about to stop: nothing was begun.

    `ends_a_stream` says that something was: a stream ends, and can be opened at another server at once.
    """

    def __init__(self, *, ends_a_stream: bool = False) -> None:
        super().__init__()
        self.ends_a_stream = ends_a_stream


class WatchersExhaustedError(Failure):
    """There are as many watchers as there may be, in all or of this caller."""


class WatchFellBehindError(Failure):
    """A watcher does not take what it is sent, or lacks events that are not held any more."""


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
    PROVIDER_REFUSED = "PROVIDER_REFUSED"


class RefreshRefusedError(Failure):
    """The presented refresh token opens nothing."""

    def __init__(self, refusal: RefreshRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal
