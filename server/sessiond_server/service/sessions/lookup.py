"""Shows sessions."""

from __future__ import annotations

from dataclasses import replace

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import SessionNotFoundError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import StoredSession
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.storage.sessions import SessionCursor, SessionPage, SessionStore


class SessionLookup:
    """What is known of live sessions."""

    def __init__(self, store: SessionStore, *, scope: CallerScope) -> None:
        self._store = store
        self._scope = scope

    async def get(self, session: SessionId, *, caller: Caller) -> StoredSession:
        """A live session by its id.

        Raises:
            SessionNotFoundError: no live session has this id.
            CallerNotPermittedError: its issuer or client is not this caller's.
        """
        found = await self._store.get(session)
        if found is None:
            raise SessionNotFoundError
        caller.require_session(found.login.issuer, found.login.client_id)
        return found

    async def list(
        self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None, caller: Caller
    ) -> SessionPage:
        """The live sessions of a subject, newest first.

        Sessions of clients that are not this caller's are not shown.
        """
        self._scope.require_issuer(issuer, caller)
        page = await self._store.list(issuer, subject, limit=limit, after=after)
        clients = caller.client_ids
        shown = (one for one in page.sessions if clients is None or one.login.client_id in clients)
        return replace(page, sessions=tuple(shown))
