"""Which sessions a caller may handle."""

from __future__ import annotations

from collections.abc import Collection

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import Input, InputRefusedError, quoted
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.storage.sessions import SessionStore


class CallerScope:
    """Refuses what belongs to issuers or clients other than the caller's; `issuers` have sessions."""

    def __init__(self, store: SessionStore, *, issuers: Collection[str]) -> None:
        self._store = store
        self._issuers = issuers

    async def require_session(self, session: SessionId, caller: Caller, *, to_end: bool = False) -> None:
        """Raise `CallerNotPermittedError` where the issuer or client of the session is not this caller's.

        This is to be asked before anything changes; a session that is unknown is for the script to refuse.
        `to_end` says that what changes is the session's end.
        """
        found = await self._store.get(session, to_end=to_end) if caller.is_restricted else None
        if found is not None:
            caller.require_session(found.login.issuer, found.login.client_id)

    def require_issuer(self, issuer: str, caller: Caller) -> None:
        """Raise for an issuer that has no sessions, or is not one of this caller's.

        Raises:
            InputRefusedError: it has no sessions.
            CallerNotPermittedError: it is not one of this caller's.
        """
        if issuer not in self._issuers:
            raise InputRefusedError(
                Input.ISSUER, found=quoted(issuer), allowed=", ".join(sorted(self._issuers))
            )
        caller.require_issuer(issuer)
