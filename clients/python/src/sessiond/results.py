"""What the service answers, as immutable values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sessiond.errors import miscounted
from sessiond.v1 import session_pb2, session_service_pb2
from sessiond.v1.error_reason_pb2 import ErrorReason


class Reason(StrEnum):
    """Why a token is not accepted; see `Rejection.Reason` in session.proto."""

    UNSPECIFIED = "UNSPECIFIED"
    TOO_LARGE = "TOO_LARGE"
    MALFORMED = "MALFORMED"
    ISSUER_NOT_TRUSTED = "ISSUER_NOT_TRUSTED"
    ALGORITHM_NOT_ALLOWED = "ALGORITHM_NOT_ALLOWED"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    TYPE_NOT_ALLOWED = "TYPE_NOT_ALLOWED"
    CLAIM_MISSING = "CLAIM_MISSING"
    CLAIM_INVALID = "CLAIM_INVALID"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    AUDIENCE_MISMATCH = "AUDIENCE_MISMATCH"
    BINDING_MISMATCH = "BINDING_MISMATCH"
    REVOKED = "REVOKED"
    SCOPE_INSUFFICIENT = "SCOPE_INSUFFICIENT"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"


class NextAction(StrEnum):
    """What the bearer's client can do about a rejection."""

    UNSPECIFIED = "UNSPECIFIED"
    REFRESH = "REFRESH"
    REAUTHENTICATE = "REAUTHENTICATE"
    STEP_UP = "STEP_UP"
    DENY = "DENY"


class Cause(StrEnum):
    """Why a session is ended."""

    LOGOUT = "LOGOUT"
    ADMIN = "ADMIN"
    COMPROMISE = "COMPROMISE"
    POLICY = "POLICY"


@dataclass(frozen=True, slots=True)
class Device:
    """What a backend says of the end user's device."""

    ip_address: str = ""
    user_agent: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for a subject (RFC 8693 §4.1)."""

    issuer: str
    subject: str
    actor: Actor | None


@dataclass(frozen=True)
class Session:
    """An accepted token, or a stored session; what is not known is None or empty. Times are in UTC.

    `principal` is the key under which to store what belongs to the user. `cache_for` is how long an
    acceptance may be repeated, counted from before the call; None means not at all. `stale` says that the
    token may have been revoked: the server's store does not answer, and its operator chose to accept tokens
    all the same.
    """

    principal: str
    issuer: str
    subject: str
    session_id: str
    provider_session_id: str
    tenant_id: str
    client_id: str
    token_id: str
    key_id: str
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    issue_time: datetime | None
    expire_time: datetime | None
    auth_time: datetime | None
    acr: str
    amr: tuple[str, ...]
    actor: Actor | None
    claims_json: str
    cache_for: timedelta | None = None
    stale: bool = False

    @classmethod
    def example(cls, subject: str = "alice", *, scopes: Sequence[str] = (), **given: Any) -> Session:
        """One as of a token that was accepted just now, with any field as a test needs it."""
        now = datetime.now(UTC).replace(microsecond=0)
        told = {
            "principal": f"sdp_{subject}",
            "issuer": "http://sessiond.localhost",
            "subject": subject,
            "session_id": f"sds_{'A' * 22}",
            "provider_session_id": "",
            "tenant_id": "",
            "client_id": "sessiond-dev",
            "token_id": "example",
            "key_id": "example",
            "audiences": ("sessiond-dev",),
            "scopes": tuple(scopes),
            "roles": (),
            "permissions": (),
            "issue_time": now,
            "expire_time": now + timedelta(minutes=5),
            "auth_time": now,
            "acr": "",
            "amr": (),
            "actor": None,
            "claims_json": "{}",
        }
        return cls(**{**told, **given})

    @property
    def claims(self) -> Mapping[str, Any]:
        """All claims of the token; empty for a stored session."""
        claims: dict[str, Any] = json.loads(self.claims_json or "{}")
        return claims

    def repeatable_for(self, seconds: float) -> Session:
        """The same session, of which an acceptance may be repeated for so long from now on."""
        # Two thirds of what its constructor takes: every answer from memory pays for it.
        return self._with(timedelta.resolution * int(seconds * 1e6))

    def not_repeatable(self) -> Session:
        """The same session, of which an acceptance is not to be repeated."""
        return self._with(None)

    def _with(self, cache_for: timedelta | None) -> Session:
        # A tenth of what `dataclasses.replace` takes.
        copy, state = object.__new__(Session), self.__dict__.copy()
        state["cache_for"] = cache_for
        object.__setattr__(copy, "__dict__", state)
        return copy


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a token is not accepted; `www_authenticate` is the value for that header."""

    reason: Reason
    message: str
    next_action: NextAction
    www_authenticate: str

    @classmethod
    def example(cls, reason: Reason = Reason.EXPIRED, **given: Any) -> Rejection:
        """One of a reason, with any field as a test needs it."""
        told = {
            "message": "an example",
            "next_action": NextAction.REFRESH if reason is Reason.EXPIRED else NextAction.REAUTHENTICATE,
            "www_authenticate": 'Bearer error="invalid_token"',
        }
        return cls(reason, **{**told, **given})


Verdict: TypeAlias = Session | Rejection


@dataclass(frozen=True, slots=True)
class Undecided:
    """There is no verdict on one token of many for now: it is not accepted, nor does its user have to log in.

    `reason` is one of an error, such as KEYS_UNAVAILABLE; after `retry_after` the token may be asked about
    again.
    """

    reason: str
    retry_after: timedelta


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login or a refresh gives out; the tokens are hidden from `repr`."""

    access_token: str = field(repr=False)
    access_expire_time: datetime | None
    refresh_token: str = field(repr=False)
    refresh_expire_time: datetime | None
    session: Session
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RevocationResult:
    """What a revocation did: a validation at `revision` or later answers REVOKED.

    `sessions_ended` is None where they were not counted.
    """

    revision: str
    sessions_ended: int | None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A live session as the store has it."""

    session: Session
    create_time: datetime | None
    last_refresh_time: datetime | None
    idle_expire_time: datetime | None
    absolute_expire_time: datetime | None
    device: Device
    attributes: Mapping[str, str]


def to_verdict(response: session_service_pb2.ValidateTokenResponse) -> Verdict:
    """The verdict; one that is not set, or of a kind that this client does not know, is a rejection."""
    if response.WhichOneof("verdict") == "session":
        cache_for = response.cache_for.ToTimedelta() if response.HasField("cache_for") else None
        return to_session(response.session, cache_for=cache_for, stale=response.stale)
    rejection = response.rejection
    return Rejection(
        reason=Reason(_enum_name(rejection, "reason", Reason)),
        message=rejection.message,
        next_action=NextAction(_enum_name(rejection, "next_action", NextAction)),
        www_authenticate=rejection.www_authenticate,
    )


def to_verdicts(
    response: session_service_pb2.ValidateTokensResponse, tokens: int
) -> list[Verdict | Undecided]:
    """What is said of each of many tokens.

    Raises:
        InternalError: of too few or too many. Whoever pairs them would take one user for another.
    """
    if len(response.results) != tokens:
        raise miscounted()
    return list(map(to_verdict_of_many, response.results))


def to_verdict_of_many(response: session_service_pb2.ValidateTokenResponse) -> Verdict | Undecided:
    """What is said of one token of many."""
    if response.WhichOneof("verdict") != "undecided":
        return to_verdict(response)
    undecided = response.undecided
    value = ErrorReason.DESCRIPTOR.values_by_number.get(undecided.reason)
    return Undecided(
        reason=value.name.removeprefix("ERROR_REASON_") if value else "UNSPECIFIED",
        retry_after=undecided.retry_after.ToTimedelta(),
    )


def to_session(
    message: session_pb2.Session, *, cache_for: timedelta | None = None, stale: bool = False
) -> Session:
    """A session from its message."""
    return Session(
        principal=message.principal,
        issuer=message.issuer,
        subject=message.subject,
        session_id=message.session_id,
        provider_session_id=message.provider_session_id,
        tenant_id=message.tenant_id,
        client_id=message.client_id,
        token_id=message.token_id,
        key_id=message.key_id,
        audiences=tuple(message.audiences),
        scopes=tuple(message.scopes),
        roles=tuple(message.roles),
        permissions=tuple(message.permissions),
        issue_time=_time(message, "issue_time"),
        expire_time=_time(message, "expire_time"),
        auth_time=_time(message, "auth_time"),
        acr=message.acr,
        amr=tuple(message.amr),
        actor=_actor(message.actor) if message.HasField("actor") else None,
        claims_json=message.claims_json,
        cache_for=cache_for,
        stale=stale,
    )


def to_tokens(
    message: session_service_pb2.CreateSessionResponse | session_service_pb2.RefreshSessionResponse,
) -> Tokens:
    """Tokens from either message that has them."""
    tokens = message.tokens
    return Tokens(
        access_token=tokens.access_token,
        access_expire_time=_time(tokens, "access_expire_time"),
        refresh_token=tokens.refresh_token,
        refresh_expire_time=_time(tokens, "refresh_expire_time"),
        session=to_session(tokens.session),
        replayed=isinstance(message, session_service_pb2.RefreshSessionResponse) and message.replayed,
    )


def to_revocation_result(message: session_service_pb2.RevokeSessionResponse) -> RevocationResult:
    """What a revocation did."""
    return RevocationResult(
        message.revision, message.sessions_ended if message.HasField("sessions_ended") else None
    )


def to_record(message: session_pb2.SessionRecord) -> SessionRecord:
    """A stored session from its message."""
    device = message.device
    return SessionRecord(
        session=to_session(message.session),
        create_time=_time(message, "create_time"),
        last_refresh_time=_time(message, "last_refresh_time"),
        idle_expire_time=_time(message, "idle_expire_time"),
        absolute_expire_time=_time(message, "absolute_expire_time"),
        device=Device(device.ip_address, device.user_agent, device.label),
        attributes=dict(message.attributes),
    )


def _time(message: Message, name: str) -> datetime | None:
    """A time that is not set is unknown, not 1970."""
    if not message.HasField(name):
        return None
    timestamp: Timestamp = getattr(message, name)
    return timestamp.ToDatetime(tzinfo=UTC)


def _actor(message: session_pb2.Actor) -> Actor:
    return Actor(
        message.issuer, message.subject, _actor(message.actor) if message.HasField("actor") else None
    )


def _enum_name(message: Message, name: str, known: type[StrEnum]) -> str:
    """The name of an enumeration's value without its prefix.

    It is UNSPECIFIED for a value that this client does not know.
    """
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    value = enum.values_by_number.get(getattr(message, name)) if enum else None
    bare = value.name.removeprefix(f"{name.upper()}_") if value else ""
    return bare if bare in known.__members__ else "UNSPECIFIED"
