"""Tells which session a refresh token belongs to."""

from __future__ import annotations

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import PepperMissingError
from sessiond_server.domain.refresh_token import Peppers, RefreshToken, UnknownPepper
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.sessions import Owner, SessionStore


class RefreshTokenAuthenticator:
    """Tells refresh tokens that a sessiond server gave out for a caller from everything else."""

    def __init__(
        self, store: SessionStore, *, scope: CallerScope, peppers: Peppers, missing: MissingKeys
    ) -> None:
        self._store = store
        self._scope = scope
        self._peppers = peppers
        self._missing = missing

    async def authenticate(
        self, presented: str, caller: Caller, *, to_end: bool = False
    ) -> RefreshToken | None:
        """The authentic refresh token in a text; None for anything else, and for one of others' sessions.

        Of a session that the store has forgotten nobody knows whose it was: its token is good for ending it
        (`to_end`), and for nothing else where the caller may not handle every session.

        Raises:
            PepperMissingError: it may be authentic, but under a pepper that this server cannot read.
            SealingKeyMissingError: whose it is cannot be told here.
        """
        token = self._peppers.recognise(presented)
        if token is None:
            return None
        owner = await self._scope.owner_of(token.session, caller, to_end=to_end)
        if owner is Owner.OTHERS or (owner is Owner.UNKNOWN and not to_end):
            return None
        if not isinstance(token, UnknownPepper):
            return token
        # The pepper id is the bearer's word; only if the record says the same is a pepper missing here.
        if await self._store.pepper_id_of(token.session) == token.pepper_id:
            self._missing.pepper(token.pepper_id)
            raise PepperMissingError
        return None
