"""Which session a caller speaks of, and whether it may."""

from __future__ import annotations

from collections.abc import Collection

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import FieldInvalidError, PepperMissingError, quoted
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import Peppers, RefreshToken, UnknownPepper
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import SessionStore


class Recognition:
    """Recognises refresh tokens and sessions."""

    def __init__(self, store: SessionStore, *, peppers: Peppers, issuers: Collection[str], log: Log) -> None:
        """`issuers` are those with sessions."""
        self._store = store
        self._peppers = peppers
        self._issuers = issuers
        self._log = log

    async def recognise(self, presented: str) -> RefreshToken | None:
        """The authentic refresh token in a text; None for anything else.

        Raises:
            PepperMissingError: it may be authentic, under a pepper that this server cannot read.
        """
        token = self._peppers.recognise(presented)
        if not isinstance(token, UnknownPepper):
            return token
        # The pepper id is the bearer's word; only if the record says the same is a pepper missing here.
        if await self._store.pepper_id_of(token.session) == token.pepper_id:
            self._log.error("a refresh token is under a pepper that this server cannot read")
            raise PepperMissingError
        return None

    async def require_session(self, session: SessionId, caller: Caller) -> None:
        """Raise `CallerNotPermittedError` where the session is of an issuer or client that is not this caller's.

        To be asked before anything changes; what is unknown is for the script to refuse.
        """
        found = await self._store.get(session) if caller.is_restricted else None
        if found is not None:
            caller.require_session(found.login.issuer, found.login.client_id)

    def require_issuer(self, issuer: str, caller: Caller) -> None:
        """Raise `FieldInvalidError` for an issuer without sessions, `CallerNotPermittedError` for another than this caller's."""
        if issuer not in self._issuers:
            raise FieldInvalidError("subject.issuer", found=quoted(issuer), allowed=", ".join(sorted(self._issuers)))
        caller.require_issuer(issuer)
