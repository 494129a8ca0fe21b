"""Tells which session a refresh token belongs to."""

from __future__ import annotations

from sessiond_server.domain.failures import PepperMissingError
from sessiond_server.domain.refresh_token import Peppers, RefreshToken, UnknownPepper
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.sessions import SessionStore


class RefreshTokenAuthenticator:
    """Tells refresh tokens that a sessiond server gave out from everything else."""

    def __init__(self, store: SessionStore, *, peppers: Peppers, logger: Logger) -> None:
        self._store = store
        self._peppers = peppers
        self._logger = logger

    async def authenticate(self, presented: str) -> RefreshToken | None:
        """The authentic refresh token in a text; None for anything else.

        Raises:
            PepperMissingError: it may be authentic, but under a pepper that this server cannot read.
        """
        token = self._peppers.recognise(presented)
        if not isinstance(token, UnknownPepper):
            return token
        # The pepper id is the bearer's word; only if the record says the same is a pepper missing here.
        if await self._store.pepper_id_of(token.session) == token.pepper_id:
            self._logger.error("a refresh token is under a pepper that this server cannot read")
            raise PepperMissingError
        return None
