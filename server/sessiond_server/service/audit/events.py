"""What the audit tells: one record for all actions, whose fields are decided here and nowhere else.

The page docs/audit.md is made from this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from sessiond_server.domain.token import hide_tokens


class Action(StrEnum):
    """What an event is about."""

    SESSION_CREATED = "session.created"
    SESSION_ADOPTED = "session.adopted"
    SESSION_ENDED = "session.ended"
    SESSION_LIMIT = "session.limit"
    REFRESH_REUSED = "refresh.reused"
    REFRESH_EXCUSED = "refresh.excused"
    REVOCATION_BULK = "revocation.bulk"
    CALLER_REFUSED = "caller.refused"
    KEY_SET_CHANGED = "key_set.changed"
    SETTINGS_LOADED = "settings.loaded"


ACTIONS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.SESSION_CREATED: "a session was opened",
        Action.SESSION_ADOPTED: "a session was opened for a refresh token that its provider gave to others",
        Action.SESSION_ENDED: "a session was ended, for `cause`, by `caller`; a session that expires "
        "has none",
        Action.SESSION_LIMIT: "a subject had too many sessions, and `count` of them ended for the one in "
        "`session_id`; each of these has a `session.ended` of its own",
        Action.REFRESH_REUSED: "a spent refresh token was presented too late, and its session ended for that",
        Action.REFRESH_EXCUSED: "a spent refresh token was presented that would have been reused, had not an "
        "outage of the store paused its window; the session goes on",
        Action.REVOCATION_BULK: "everything of `target` was revoked at once; sessions that end by it have no "
        "event of their own",
        Action.CALLER_REFUSED: "a caller is not known, or may not do what it wanted, or not as often, for "
        "`reason`",
        Action.KEY_SET_CHANGED: "an issuer's keys were read for the first time, or are others than before",
        Action.SETTINGS_LOADED: "a server has begun, with these settings and keys",
    }
)


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REPEATED = "repeated"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


OUTCOMES: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.DONE: "it is done, and the store has acknowledged it",
        Outcome.REPEATED: "nothing has changed: it was done before, or there is no such session. Who asks "
        "again because an answer was lost is seen by this",
        Outcome.UNCERTAIN: "the store did not answer, or the caller left before it did: it may be done",
        Outcome.REFUSED: "it was refused, and nothing has changed",
    }
)


def _told(meaning: str, *, default: Any = None) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done, or refused; a field that says nothing of it is left out."""

    id: str = field(metadata={"meaning": "the event's own id: the same event told twice has it twice"})
    action: Action = field(metadata={"meaning": "what the event is about"})
    outcome: Outcome = field(metadata={"meaning": "what came of it"})
    reason: str | None = _told("why it was refused, as the caller was told")
    caller: str | None = _told("who wanted it: a caller's name, `anonymous` or `unknown`")
    method: str | None = _told("the method that was called")
    issuer: str | None = _told("the issuer of what was changed")
    principal: str | None = _told("the subject, as an opaque text")
    session_id: str | None = _told(
        "the session; where `target` is PROVIDER_SESSION, the provider's own id of its session"
    )
    tenant_id: str | None = _told("the tenant, where it is known")
    client_id: str | None = _told("the client, where it is known")
    cause: str | None = _told("why the session ended")
    target: str | None = _told("what was revoked at once: SUBJECT, TENANT, CLIENT, ISSUER, KEY, …")
    count: int | None = _told("how many live sessions have ended, where that is known")
    left_out: int | None = _told("how many such events of the last minute are told by this one alone")
    pause_ms: int | None = _told("for how long outages have kept a window open")
    note: str | None = _told("the caller's remark")
    revision: str | None = _told("how far the revocation log had been written then")
    client_ip: str | None = _told("the address of the end user's device, as the caller told it")
    request_id: str | None = _told("the call's `x-request-id`")
    trace_id: str | None = _told("the call's trace, where calls are traced")
    span_id: str | None = _told("the call's span in it")
    keys_added: tuple[str, ...] | None = _told("the ids of keys that were not there before; 32 at most")
    keys_removed: tuple[str, ...] | None = _told("the ids of keys that are good no more; 32 at most")
    keys: tuple[str, ...] | None = _told("the ids of our own keys, the first of each kind being in use")
    configuration: str | None = _told("the fingerprint of the settings that verdicts depend on")

    def told(self) -> dict[str, object]:
        """The fields that say something, by name; no text in them is a token."""
        values = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: _safe(value) for name, value in values if value not in (None, "", ())}


def event_fields() -> dict[str, str]:
    """The meaning of each field, by name."""
    return {one.name: cast("str", one.metadata["meaning"]) for one in fields(AuditEvent)}


def _safe(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [hide_tokens(one) for one in value]
    return hide_tokens(value) if isinstance(value, str) else value


class AuditSink(Protocol):
    """Where events go.

    It neither raises nor waits: what cannot be kept is counted, and told in the log.
    """

    def record(self, event: AuditEvent) -> None:
        """Take an event."""
