"""What is told of presented refresh tokens: most of them change nothing that anybody has to answer for."""

from __future__ import annotations

from sessiond_server.domain.failures import RefreshRefusal, StoreUnavailableError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause, Whose
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import NotRotated, Rotated, Rotation, SessionStore


class AuditedRotations:
    """Tells of reuse, of what an outage excused, and of sessions that end by a refresh."""

    def __init__(self, audit: AuditTrail, store: SessionStore) -> None:
        self._audit = audit
        self._store = store

    async def tell(self, rotation: Rotation, outcome: object, origin: Origin) -> None:
        """Tell what came of a refresh, if that is to be told; whoever wanted it may have left by now."""
        match outcome:
            case NotRotated(logged=Logged() as logged):
                await self._tell_end(rotation.session, outcome.refusal, logged, origin)
            case NotRotated(pause_ms=pause_ms) if pause_ms:
                whose = await self._whose(rotation.session)
                self._audit.excused(rotation.session, whose, origin, pause_ms=pause_ms)
            case Rotated(replayed=True, session=session, pause_ms=pause_ms) if pause_ms:
                self._audit.excused(session.id, Whose.of(session.login), origin, pause_ms=pause_ms)
            case _:
                pass

    async def _tell_end(
        self, session: SessionId, refusal: RefreshRefusal, logged: Logged, origin: Origin
    ) -> None:
        whose = await self._whose(session)
        is_reuse = refusal is RefreshRefusal.REUSED
        if is_reuse:
            self._audit.reused(session, whose, origin)
        cause = Cause.REUSE if is_reuse else Cause.GENERATIONS_EXHAUSTED
        self._audit.ended(session, whose, origin, cause=cause, revision=to_revision([logged.position]))

    async def _whose(self, session: SessionId) -> Whose:
        try:
            return await self._store.whose(session)
        except StoreUnavailableError:
            return Whose()
