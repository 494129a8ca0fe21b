"""Makes events of what was done, and hands them to all sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.domain.session import Cause, Login, Whose
from sessiond_server.service.audit.events import Action, AuditEvent, AuditSink, Outcome
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.tracing import TraceIds

_ID_BYTES: Final = 12
_MAX_KEYS: Final = 32


class AuditTrail:
    """One method for each thing that is told; `pepper` makes subjects opaque.

    `trace_ids` gives what the call that goes on is known by where traces are kept.
    """

    def __init__(
        self,
        sinks: Sequence[AuditSink],
        *,
        pepper: Pepper,
        randomness: Callable[[int], bytes],
        trace_ids: Callable[[], TraceIds | None] | None = None,
    ) -> None:
        self._sinks = sinks
        self._pepper = pepper
        self._randomness = randomness
        self._trace_ids = trace_ids

    def created(
        self,
        session: SessionId,
        login: Login,
        origin: Origin,
        *,
        outcome: Outcome = Outcome.DONE,
        is_adopted: bool = False,
    ) -> None:
        """A session was opened, for a login or for a refresh token that others had."""
        action = Action.SESSION_ADOPTED if is_adopted else Action.SESSION_CREATED
        self._tell(action, outcome, Whose.of(login), origin, session_id=str(session))

    def limit_reached(
        self, session: SessionId, login: Login, origin: Origin, *, ended: Collection[SessionId]
    ) -> None:
        """Sessions of the same subject have ended for a new one."""
        whose = Whose(issuer=login.issuer, hashed_subject=Whose.of(login).hashed_subject)
        self._tell(
            Action.SESSION_LIMIT, Outcome.DONE, whose, origin, session_id=str(session), count=len(ended)
        )
        for one in ended:
            self.ended(one, whose, origin, cause=Cause.SESSION_LIMIT)

    def ended(
        self,
        session: SessionId | None,
        whose: Whose,
        origin: Origin,
        *,
        cause: Cause,
        outcome: Outcome = Outcome.DONE,
        revision: str = "",
    ) -> None:
        """A session was ended; None where what was ended is known by a token of its provider alone."""
        self._tell(
            Action.SESSION_ENDED,
            outcome,
            whose,
            origin,
            session_id=str(session) if session else None,
            cause=cause.name,
            revision=revision,
        )

    def reused(self, session: SessionId, whose: Whose, origin: Origin) -> None:
        """A refresh token was presented that was spent too long ago."""
        self._tell(Action.REFRESH_REUSED, Outcome.REFUSED, whose, origin, session_id=str(session))

    def excused(self, session: SessionId, whose: Whose, origin: Origin, *, pause_ms: int) -> None:
        """A refresh token was presented that only an outage keeps from having been spent too long ago."""
        self._tell(
            Action.REFRESH_EXCUSED,
            Outcome.DONE,
            whose,
            origin,
            session_id=str(session),
            pause_ms=pause_ms,
        )

    def revoked_at_once(
        self,
        target: str,
        whose: Whose,
        origin: Origin,
        *,
        cause: Cause,
        outcome: Outcome = Outcome.DONE,
        revision: str = "",
        count: int | None = None,
        **named: Any,
    ) -> None:
        """Everything of a subject, a tenant or the like was revoked."""
        self._tell(
            Action.REVOCATION_BULK,
            outcome,
            whose,
            origin,
            target=target,
            cause=cause.name,
            revision=revision,
            count=count,
            **named,
        )

    def caller_refused(self, caller: str, method: str, reason: str, *, left_out: int = 0) -> None:
        """A caller is not known, or may not do what it wanted."""
        origin = Origin(caller, method)
        self._tell(
            Action.CALLER_REFUSED, Outcome.REFUSED, Whose(), origin, reason=reason, left_out=left_out or None
        )

    def key_set_changed(self, issuer: str, added: Collection[str], removed: Collection[str]) -> None:
        """The keys of an issuer are others than before."""
        self._tell(
            Action.KEY_SET_CHANGED,
            Outcome.DONE,
            Whose(issuer=issuer),
            keys_added=tuple(sorted(added)[:_MAX_KEYS]),
            keys_removed=tuple(sorted(removed)[:_MAX_KEYS]),
        )

    def settings_loaded(self, configuration: str, keys: Sequence[str]) -> None:
        """A server has begun."""
        keys = tuple(keys)
        self._tell(Action.SETTINGS_LOADED, Outcome.DONE, Whose(), configuration=configuration, keys=keys)

    def _tell(
        self, action: Action, outcome: Outcome, whose: Whose, origin: Origin | None = None, **more: Any
    ) -> None:
        said: dict[str, Any] = {
            "id": to_base64url(self._randomness(_ID_BYTES)),
            "action": action,
            "outcome": outcome,
            "issuer": whose.issuer,
            "principal": self._pepper.principal(whose.hashed_subject) if whose.hashed_subject else None,
            "tenant_id": whose.tenant_id,
            "client_id": whose.client_id,
        }
        if origin:
            said |= {
                "caller": origin.caller,
                "method": origin.method,
                "note": origin.note,
                "client_ip": origin.client_ip,
                "request_id": origin.request_id,
            }
        ids = self._trace_ids() if self._trace_ids else None
        if ids:
            said |= ids._asdict()
        event = AuditEvent(**said, **more)
        for sink in self._sinks:
            sink.record(event)


@contextmanager
def told_where_uncertain(tell: Callable[[], None]) -> Iterator[None]:
    """Tell that something may have been done, where nobody learns whether it was."""
    try:
        yield
    except (StoreUnavailableError, asyncio.CancelledError):
        tell()
        raise
