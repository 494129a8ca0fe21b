"""The port behind which sessions live."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sessiond_server.domain.binding import CONFIRMATION_ID_BYTES
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import Position, Revocation
from sessiond_server.domain.session import Cause, Lifetimes, Login, StoredSession


@dataclass(frozen=True, slots=True)
class Logged:
    """What a command appended to the revocation log, and where the log of that partition ended behind it."""

    revocations: tuple[Revocation, ...]
    position: Position


@dataclass(frozen=True, slots=True, repr=False)
class ProviderTokens:
    """What a provider gave out for a session.

    `token_id` is the access token's `jti`, `provider_session` its `sid`: what it can be revoked by, one of them at least.
    """

    access_token: str
    access_expire_ms: int
    token_id: str | None
    provider_session: str | None
    refresh_token: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be stored, at generation 0. `entry_life_ms` is how long entries logged for the session limit are kept.

    `provider_tokens` are there for a provider's session.
    """

    id: SessionId
    login: Login
    lifetimes: Lifetimes
    pepper_id: bytes
    secret_hash: bytes
    entry_life_ms: int
    provider_tokens: ProviderTokens | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """The stored session, and the sessions that had to end for it."""

    session: StoredSession
    logged: Logged


@dataclass(frozen=True, slots=True)
class Rotation:
    """A presented refresh token, and the successor that is proposed for it.

    `holder` is 16 bytes of the call's own, under which it takes the lease of a provider's session. `arrived_ms` is when the call
    first came, by the store's clock, where it had to wait; 0: now. `confirmation_id` is that of the key that the call has proven.
    """

    session: SessionId
    generation: int
    secret_hash: bytes
    client_fingerprint: bytes
    pepper_id: bytes
    step: bytes
    successor_hash: bytes
    entry_life_ms: int
    holder: bytes = bytes(16)
    arrived_ms: int = 0
    confirmation_id: bytes = bytes(CONFIRMATION_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Rotated:
    """The presented token's successor is stored: now, or (`replayed`) by an earlier call with the same token.

    `pepper_id` and `step` are the stored ones; from them, not from the proposal, the successor is computed. `access_token` is the
    provider's, for a session of one.
    """

    session: StoredSession
    pepper_id: bytes
    step: bytes
    replayed: bool
    access_token: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Leased:
    """The presented token is good, and only the caller may exchange `refresh_token` at the provider, while the lease lasts.

    `in_doubt` says that an earlier exchange of this very token may have spent it.
    """

    session: StoredSession
    refresh_token: str
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Busy:
    """Another call holds the lease; `store_ms` is the store's clock."""

    store_ms: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Another call has rotated the session meanwhile: what this one brought has no place any more."""


class LeaseEnd(Enum):
    """What is said of an exchange that brought nothing: it did not take place, or whether it did is unknown."""

    RELEASE = "RELEASE"
    DOUBT = "DOUBT"


@dataclass(frozen=True, slots=True, repr=False)
class QueuedRevocation:
    """A provider's refresh token that is to be revoked there; `raw` is what the queue holds."""

    issuer: str
    refresh_token: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class NotRotated:
    """The refresh token was refused; `logged` tells what its refusal revoked (reuse), if anything."""

    refusal: RefreshRefusal
    logged: Logged | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many live sessions a revocation ended, and the log's state behind it."""

    count: int
    logged: Logged


@dataclass(frozen=True, slots=True)
class SessionCursor:
    """The last session that a listing has shown; the next page begins behind it."""

    absolute_expire_ms: int
    session: SessionId


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Live sessions of a subject, newest (latest absolute expiry) first; `next` is None at the end."""

    sessions: tuple[StoredSession, ...]
    next: SessionCursor | None


class SessionStore(Protocol):
    """Remembers sessions and, in the same atomic step, what was revoked.

    Every method answers within the store's time limit or raises `StoreUnavailableError`, upon which the change may or may not
    have happened; repeating the call is safe. Times are the store's. A record that this server cannot unseal raises
    `SealingKeyMissingError`.
    """

    async def create(self, new: NewSession) -> Created:
        """Store a session; beyond the limit of sessions a subject may have, the oldest end. Durable before it returns."""

    async def rotate(self, rotation: Rotation) -> Rotated | NotRotated | Leased | Busy:
        """Spend a refresh token: check state, marks, time, generation and secret, and store the successor, in one step.

        For a provider's session it may have to be exchanged first: then the answer is the lease, or that another holds it.
        """

    async def pepper_id_of(self, session: SessionId) -> bytes | None:
        """The id of the pepper of a session's current refresh token; None for an unknown session."""

    async def end(self, session: SessionId, *, cause: Cause, entry_life_ms: int) -> Ended:
        """End one session; ending what is unknown or ended changes nothing and counts 0."""

    async def end_provider(
        self, issuer: str, subject: str, *, provider_session: str | None, token_id: str | None, cause: Cause, entry_life_ms: int
    ) -> Ended:
        """Revoke what a provider's access token names, and end the sessions of its subject that live by that provider session."""

    async def end_subject(
        self, issuer: str, subject: str, *, spared: SessionId | None, cause: Cause, mark_life_ms: int, entry_life_ms: int
    ) -> Ended:
        """Mark the subject and end all its sessions, but for `spared`.

        Raises:
            FieldInvalidError: `spared` is not a session of this subject.
        """

    async def get(self, session: SessionId) -> StoredSession | None:
        """A live session; None for what is unknown, ended or timed out."""

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None) -> SessionPage:
        """At most `limit` live sessions of a subject, newest first, from behind `after` on."""


class SessionLeases(Protocol):
    """How an exchange at a provider ends, for who holds the session's lease. Fails as `SessionStore` does."""

    async def commit(self, rotation: Rotation, leased: Leased, tokens: ProviderTokens) -> Rotated | NotRotated | Moved:
        """Store what the exchange brought, and the successor, if state and generation are still those of the lease.

        A lease that has run out does not matter. The same commit again answers the same.
        """

    async def release(self, rotation: Rotation, end: LeaseEnd) -> None:
        """Give the lease back, if it is still held; the presented token stays good."""

    async def end_leased(self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None) -> Ended:
        """End the session if the lease is still held; its provider's token and the one just `brought` are to be revoked."""


class ProviderRevocations(Protocol):
    """The refresh tokens of ended sessions that wait to be revoked at their provider."""

    async def take(self) -> QueuedRevocation | None:
        """The one that has waited longest; nobody else gets it for a minute, or at all once it is settled or put back.

        Raises:
            StoreUnavailableError: the store did not answer.
        """

    async def put_back(self, queued: QueuedRevocation) -> None:
        """Queue it again: the provider could not be asked."""

    async def settle(self, queued: QueuedRevocation) -> None:
        """Let go of it: it has been revoked, or nobody can revoke it."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the log up to `position`.

    `continues` is False where `after` is not in this log (trimmed, another history, another incarnation): the stretch then
    begins at the log's start. `reached_head` says whether `position` is the log's end. `store_ms` is the store's clock.
    """

    revocations: tuple[Revocation, ...]
    position: Position
    continues: bool
    reached_head: bool
    store_ms: int


class RevocationLog(Protocol):
    """Where the revocations of all servers are read from."""

    async def read(self, partition: int, after: Position | None) -> LogPage:
        """Read what follows `after` (None: from the log's start). Raises `StoreUnavailableError`."""

    async def note_change(self, partition: int) -> None:
        """Remember that history changed under us: a refresh token one ahead of the store may go forward from now on."""

    async def trim(self, partition: int) -> None:
        """Drop the leading entries of which no token can be left."""
