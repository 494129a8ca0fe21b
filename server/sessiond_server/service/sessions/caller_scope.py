"""Which sessions a caller may handle."""

from __future__ import annotations

from collections.abc import Collection

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import Owner, SessionStore


class CallerScope:
    """Tells what belongs to issuers or clients other than the caller's.

    `trusted` are the issuers whose tokens are accepted; `issuers` are those of them that have sessions.

    What is not the caller's is to it as if it were not there. The log tells of it.
    """

    def __init__(
        self, store: SessionStore, *, issuers: Collection[str], trusted: Collection[str], logger: Logger
    ) -> None:
        self._store = store
        self._issuers = issuers
        self._trusted = trusted
        self._logger = logger

    async def owner_of(self, session: SessionId, caller: Caller, *, to_end: bool = False) -> Owner:
        """Whose a session is, live or ended; a caller that may handle every session is not asked about.

        This is to be asked before anything changes. `to_end` says that what changes is the session's end.

        Raises:
            SealingKeyMissingError: that cannot be told here, because its issuer is not configured.
        """
        if not caller.is_restricted:
            return Owner.CALLER
        owner = await self._store.owner_of(session, caller, to_end=to_end)
        if owner is Owner.OTHERS:
            self._logger.warning(
                "a caller named a session that is not its own", caller=caller.name, session_id=str(session)
            )
        return owner

    def require_issuer(self, issuer: str, caller: Caller) -> None:
        """Raise for an issuer that is not one of this caller's, or has no sessions.

        Raises:
            CallerNotPermittedError: it is not one of this caller's.
            InputRefusedError: it has no sessions.
        """
        caller.require_issuer_among(
            self._issuers, issuer, else_allowed="none: no issuer of the caller's has any"
        )

    def require_shared(self, shared: Shared, caller: Caller) -> None:
        """Raise for what also belongs to others than this caller, or to an issuer that is not configured.

        Raises:
            CallerNotPermittedError: the issuer is not one of this caller's, the client neither, or sessions
                of other clients share it.
            InputRefusedError: nobody trusts this issuer.
        """
        if shared.type is RevocationType.CLIENT:
            caller.require_session(shared.issuer, shared.identifier)
        else:
            caller.require_every_client()
        caller.require_issuer_among(
            self._trusted, shared.issuer, else_allowed="none: no issuer is the caller's"
        )
