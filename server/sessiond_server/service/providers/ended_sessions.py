"""Sessions that their providers have ended: this server knows at once, and the audit is told."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause, Whose
from sessiond_server.service.audit.events import Outcome
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail, told_where_uncertain
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.sessions import Leased, RevocationResult


class EndedSessions:
    """Ends sessions as exchanges at their providers show that they have to."""

    def __init__(self, *, revocations: Revocations, audit: AuditTrail, logger: Logger) -> None:
        self._revocations = revocations
        self._audit = audit
        self._logger = logger

    async def end(
        self, leased: Leased, origin: Origin, *, cause: Cause, ending: Awaitable[RevocationResult]
    ) -> bool:
        """Await the `ending` of a session in the store; whether it has ended.

        It has not where the lease ran out meanwhile: whoever holds it now decides.
        """
        session = leased.session
        tell = partial(self._audit.ended, session.id, Whose.of(session.login), origin, cause=cause)
        with told_where_uncertain(partial(tell, outcome=Outcome.UNCERTAIN)):
            ended = await ending
        if not ended.count:
            return False
        self._revocations.apply_own(ended.logged)
        tell(revision=to_revision([ended.logged.position]))
        self._logger.warning(
            "a session has ended at its provider", session_id=str(session.id), cause=cause.name
        )
        return True
