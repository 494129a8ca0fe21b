"""The port of the store of sessions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.confirmation import CONFIRMATION_ID_BYTES
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import Cause, Lifetimes, Login, StoredSession, Whose
from sessiond_server.service.storage.revocations import Logged


@dataclass(frozen=True, slots=True, repr=False)
class ProviderTokens:
    """What a provider gave out for a session.

    `token_id` is the access token's `jti`, `provider_session` its `sid`: it can be revoked by both, and has
    at least one. `refresh_life_ms` is how long the refresh token is good from now on, and no session goes
    unused for longer: 0 for without end, None for what was known of it before.
    """

    access_token: str
    access_expire_ms: int
    token_id: str | None
    provider_session: str | None
    refresh_token: str
    refresh_life_ms: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class NewSession:
    """A session to be stored, at generation 0; `provider_tokens` are there for a provider's session.

    `entry_life_ms` is how long log entries are kept of the sessions that end to make room for it.
    """

    id: SessionId
    login: Login
    lifetimes: Lifetimes
    pepper_id: bytes
    secret_hash: bytes
    entry_life_ms: int
    provider_tokens: ProviderTokens | None = None


class Eviction(Enum):
    """What happens where a subject has as many sessions as it may, and opens one more."""

    DENY = "deny"
    """The new one is refused."""
    OLDEST = "oldest"
    """The one ends whose longest life is over first."""
    LEAST_RECENT = "least_recent"
    """The one ends whose last refresh, or beginning, is longest ago."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What all sessions are held to, whatever their issuer.

    A subject has `max_per_subject` of them at most, of which `eviction` makes room for one more; and outages
    of the store prolong the window of a spent refresh token by `longest_pause_ms` at most.
    """

    max_per_subject: int
    longest_pause_ms: int
    eviction: Eviction = Eviction.OLDEST


@dataclass(frozen=True, slots=True)
class Created:
    """The stored session, and the sessions that had to end for it."""

    session: StoredSession
    logged: Logged
    ended: tuple[SessionId, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Rotation:
    """A presented refresh token, and the successor that is proposed for it.

    `holder` is 16 bytes of the call's own, under which it takes the lease of a provider's session.
    `arrived` is when the call came, by this server's steady clock; None means now. It is judged as of then,
    however long it waited.
    `wanted_until` is when the caller leaves, by the same clock: nothing is begun behind it; None means that
    it does not.
    `confirmation_id` is that of the key whose possession the call has proven.
    """

    session: SessionId
    generation: int
    secret_hash: bytes
    device_fingerprint: bytes
    pepper_id: bytes
    rotation_salt: bytes
    successor_hash: bytes
    entry_life_ms: int
    holder: bytes = bytes(16)
    arrived: float | None = None
    wanted_until: float | None = None
    confirmation_id: bytes = bytes(CONFIRMATION_ID_BYTES)


@dataclass(frozen=True, slots=True, repr=False)
class Rotated:
    """The presented token's successor is stored: now, or (`replayed`) by an earlier call with the same token.

    `pepper_id` and `rotation_salt` are the stored ones: the successor is computed from them, not from the
    proposal. `access_token` is the provider's, if the session is a provider's. `pause_ms` is for how long
    outages have kept the window open in which it was replayed; 0 inside its grace.
    """

    session: StoredSession
    pepper_id: bytes
    rotation_salt: bytes
    replayed: bool
    access_token: str | None = None
    pause_ms: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Leased:
    """The presented token is good, and only the caller may exchange `refresh_token`, while the lease lasts.

    `in_doubt` says that an earlier exchange of this very token may have spent it. `doubt_age_ms` is how long
    ago that began; None where nobody knows, because there was more than one, or the store's clock was set
    back since.
    """

    session: StoredSession
    refresh_token: str
    in_doubt: bool
    doubt_age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """Another call holds the lease."""


@dataclass(frozen=True, slots=True)
class Held:
    """The presented token is good, and the next exchange has to wait: the last brought what does not fit."""


@dataclass(frozen=True, slots=True)
class NotRotated:
    """The refresh token was refused.

    `logged` tells what its refusal revoked (reuse), if anything, `pause_ms` for how long outages have kept
    the window open without which it would have been reuse.
    """

    refusal: RefreshRefusal
    logged: Logged | None = None
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class RevocationResult:
    """How many live sessions a revocation ended, and what it appended to the log.

    `named` are the hashed ids by which what it was about is known, whether it has ended now or had before.
    `whose` is said of a session that was named by its id, `ended` are those that were named otherwise.
    """

    count: int
    logged: Logged
    named: tuple[bytes, ...] = ()
    whose: Whose = field(default_factory=Whose)
    ended: tuple[SessionId, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionCursor:
    """The last session that a listing has shown; the next page begins after it."""

    absolute_expire_ms: int
    session: SessionId


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Live sessions of a subject, newest (latest absolute expiry) first; `next` is None at the end."""

    sessions: tuple[StoredSession, ...]
    next: SessionCursor | None


class Owner(Enum):
    """Whose a session is, live or ended, in the eyes of a caller that may not handle every session."""

    CALLER = auto()
    OTHERS = auto()
    UNKNOWN = auto()
    """The store does not have it, or has nothing of it but that it ended."""


class SessionStore(Protocol):
    """Remembers sessions and, in the same atomic step, what was revoked.

    Every method answers within the store's time limit or raises `StoreUnavailableError`, upon which the
    change may or may not have happened; repeating the call is safe. Times are the store's. A record that this
    server cannot unseal raises `SealingKeyMissingError`.
    """

    async def create(self, new: NewSession) -> Created:
        """Store a session, durably; where its subject has too many, others end, or it is refused.

        Sessions that are over do not count. The same again ends no other session.

        Raises:
            LoginRefusedError: the subject has as many sessions as it may, and none is to end.
        """

    async def rotate(self, rotation: Rotation) -> Rotated | NotRotated | Leased | Busy | Held:
        """Spend a refresh token atomically: judge it by its record, and store the successor.

        The token of a provider's session may have to be exchanged first: then the answer is the lease, or
        that another call holds it. What happens to which token is the table in docs/rotation.md.
        """

    async def pepper_id_of(self, session: SessionId) -> bytes | None:
        """The id of the pepper of a session's current refresh token; None for an unknown session."""

    async def owner_of(self, session: SessionId, caller: Caller, *, to_end: bool = False) -> Owner:
        """Whether a session is of an issuer and a client that the caller may handle.

        `to_end` says that it is asked in order to end it, so that no crowd of refreshes keeps it waiting. The
        session need not be unsealed for this, but its issuer must be configured.
        """

    async def whose(self, session: SessionId) -> Whose:
        """Whose a session is, live or ended; it need not be unsealed for this."""

    async def end(
        self, session: SessionId, *, is_proven: bool, cause: Cause, entry_life_ms: int
    ) -> RevocationResult:
        """End one session; ending what is unknown or ended changes nothing and counts 0.

        Where a token of the session was proven (`is_proven`), the store must have lost what it does not know,
        and it may have where it is known to have lost something: then that the session has ended is written
        all the same.
        """

    async def end_provider(
        self,
        issuer: str,
        subject: str,
        *,
        provider_session: str | None,
        token_id: str | None,
        started_ms: int,
        client_ids: Collection[str] | None,
        cause: Cause,
        entry_life_ms: int,
    ) -> RevocationResult:
        """Revoke what a provider's access token names, and end the sessions that live by it.

        These are the sessions of its provider's session, and those that were given this very token; of other
        clients than `client_ids` (None means all) none ends, and a provider's session that one of them lives
        by goes on. The same again changes nothing and counts 0. `started_ms` is since when the token counts;
        0 means that nobody knows.
        """

    async def end_subject(
        self,
        issuer: str,
        subject: str,
        *,
        spared: SessionId | None,
        cause: Cause,
        cutoff_life_ms: int,
        entry_life_ms: int,
    ) -> RevocationResult:
        """Set the subject's cutoff and end all its sessions, except `spared`.

        The same again within a second logs nothing anew, where no session has begun since.

        Raises:
            InputRefusedError: `spared` is not a session of this subject.
        """

    async def get(self, session: SessionId) -> StoredSession | None:
        """A live session; None for what is unknown, ended or timed out."""

    async def list(
        self,
        issuer: str,
        subject: str,
        *,
        client_ids: Collection[str] | None,
        limit: int,
        after: SessionCursor | None,
    ) -> SessionPage:
        """At most `limit` live sessions of a subject that come after `after`, newest first.

        They are those of the clients `client_ids`; None means all.
        """
