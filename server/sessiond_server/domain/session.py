"""A session: one login of one subject at one issuer.

With it goes the family of refresh tokens that descends from the login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from sessiond_server.domain.identifiers import SessionId, hashed_id


class Cause(IntEnum):
    """Why a session ended; the value is a byte of the record."""

    LOGOUT = 1
    ADMIN = 2
    COMPROMISE = 3
    POLICY = 4
    REUSE = 5
    SESSION_LIMIT = 6
    GENERATIONS_EXHAUSTED = 7
    PROVIDER_REFUSED = 8
    PROVIDER_LOST = 9
    PROVIDER_MISMATCH = 10


@dataclass(frozen=True, slots=True)
class Device:
    """What the backend says of the end user's device; empty where it says nothing."""

    ip_address: str = ""
    user_agent: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in, how, and what the session's tokens may say; fixed for the session's life.

    `provider_session` is a provider's own id of the session. `confirmation` is what the session is bound to,
    as its tokens say it (`cnf`, RFC 7800): name and thumbprint. `claims_json` is a JSON object of further
    claims, as given; `auth_time` is seconds since 1970.
    """

    issuer: str
    subject: str
    client_id: str
    tenant_id: str | None = None
    audiences: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    claims_json: str = ""
    auth_time: int | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    provider_session: str | None = None
    device: Device = field(default_factory=Device)
    attributes: tuple[tuple[str, str], ...] = ()
    confirmation: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a session is, as far as that is known; `hashed_subject` is the subject's hashed id."""

    issuer: str | None = None
    hashed_subject: bytes | None = None
    tenant_id: str | None = None
    client_id: str | None = None

    @classmethod
    def of_subject(
        cls, issuer: str, subject: str, *, tenant_id: str | None = None, client_id: str | None = None
    ) -> Whose:
        """Whose what is a subject's is."""
        return cls(issuer, hashed_id("subject", issuer, subject), tenant_id, client_id)

    @classmethod
    def of(cls, login: Login) -> Whose:
        """Whose the session of a login is."""
        return cls.of_subject(
            login.issuer, login.subject, tenant_id=login.tenant_id, client_id=login.client_id
        )


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session may live, in milliseconds.

    The spans are for its whole life, for a time without use, and for a spent refresh token.
    """

    absolute_ms: int
    idle_ms: int
    grace_ms: int

    def at_most(self, *, absolute_ms: int | None, idle_ms: int | None) -> Lifetimes:
        """The shorter ones of these and of others, where those say something."""
        absolute_ms = self.absolute_ms if absolute_ms is None else min(self.absolute_ms, absolute_ms)
        idle_ms = self.idle_ms if idle_ms is None else min(self.idle_ms, idle_ms)
        return replace(self, absolute_ms=absolute_ms, idle_ms=min(idle_ms, absolute_ms))


@dataclass(frozen=True, slots=True)
class IssuerLifetimes:
    """How long sessions of an issuer may live: the longest, and those of tenants that have their own."""

    longest: Lifetimes
    by_tenant: Mapping[str, Lifetimes] = field(default_factory=dict)

    def of(self, tenant_id: str | None) -> Lifetimes:
        """Those of a session of this tenant."""
        return self.by_tenant.get(tenant_id, self.longest) if tenant_id else self.longest


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A live session as the store has it; times are milliseconds since 1970 by the store's clock.

    `refreshed_ms` is the last rotation, or the creation where there was none.
    """

    id: SessionId
    login: Login
    generation: int
    created_ms: int
    refreshed_ms: int
    idle_expire_ms: int
    absolute_expire_ms: int

    @property
    def refresh_expire_ms(self) -> int:
        """When the current refresh token ceases to open anything."""
        return min(self.idle_expire_ms, self.absolute_expire_ms)
