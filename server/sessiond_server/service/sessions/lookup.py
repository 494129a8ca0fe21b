"""Shows sessions."""

from __future__ import annotations

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import SessionNotFoundError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import StoredSession
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.storage.sessions import Owner, SessionCursor, SessionPage, SessionStore


class SessionLookup:
    """What is known of live sessions."""

    def __init__(self, store: SessionStore, *, scope: CallerScope) -> None:
        self._store = store
        self._scope = scope

    async def get(self, session: SessionId, *, caller: Caller) -> StoredSession:
        """A live session by its id.

        Raises:
            SessionNotFoundError: no live session of this caller's has this id.
        """
        owner = await self._scope.owner_of(session, caller)
        found = await self._store.get(session) if owner is Owner.CALLER else None
        if found is None:
            raise SessionNotFoundError
        return found

    async def list(
        self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None, caller: Caller
    ) -> SessionPage:
        """The live sessions of a subject, newest first.

        Sessions of clients that are not this caller's are not shown, and no page begins or ends at one.

        Raises:
            CallerNotPermittedError, InputRefusedError: as `CallerScope.require_issuer` does.
        """
        self._scope.require_issuer(issuer, caller)
        return await self._store.list(issuer, subject, client_ids=caller.client_ids, limit=limit, after=after)
