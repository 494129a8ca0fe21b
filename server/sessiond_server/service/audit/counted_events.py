"""Events as numbers: how many sessions began and ended."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.service.audit.events import Action, AuditEvent, AuditSink, Outcome
from sessiond_server.service.telemetry import Telemetry


class CountedEvents(AuditSink):
    """Counts what was done; `local_issuer` is the one whose logins a caller vouches for."""

    def __init__(self, telemetry: Telemetry, *, local_issuer: str | None) -> None:
        self._telemetry = telemetry
        self._local_issuer = local_issuer

    @override
    def record(self, event: AuditEvent) -> None:
        if event.outcome is not Outcome.DONE:
            return
        if event.action is Action.SESSION_ADOPTED:
            self._telemetry.session_created("adoption")
        elif event.action is Action.SESSION_CREATED:
            is_local = event.issuer == self._local_issuer
            self._telemetry.session_created("local_login" if is_local else "provider_login")
        elif event.cause and (count := _ended_by(event)):
            self._telemetry.sessions_ended(event.cause, count)


def _ended_by(event: AuditEvent) -> int:
    """How many sessions have ended, where that is known."""
    if event.action is Action.SESSION_ENDED:
        # Where none is named, what was ended is a provider's, and no session of ours lives by it.
        return 1 if event.session_id else 0
    return event.count or 0
