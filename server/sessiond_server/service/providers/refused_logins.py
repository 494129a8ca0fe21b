"""Lets go of what refused logins brought, so that no refresh token stays good at a provider for nobody.

Nobody can have a token revoked by naming it. A caller can end every session that it may open, and the end of
a session revokes its refresh token: what this revokes for a caller is no more than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import KeysUnavailableError, LoginRefusal, StoreUnavailableError
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.logins import GivenTokens, Providers
from sessiond_server.service.storage.queue import ProviderRevocations

# What is said of a login for good. Another token, another proof or another moment mends every other refusal,
# and the caller may come again with the same refresh token.
_FINAL: Final = frozenset(
    {LoginRefusal.ID_TOKEN_INVALID, Reason.AUDIENCE_MISMATCH, Reason.CLAIM_MISSING, Reason.REVOKED}
)


class RefusedLogins:
    """Queues for revocation what refused logins brought.

    It never fails: what cannot be queued is told by the log, and the caller hears why its login was refused.
    """

    def __init__(
        self,
        providers: Providers,
        queue: ProviderRevocations,
        *,
        randomness: Callable[[int], bytes],
        logger: Logger,
    ) -> None:
        self._providers = providers
        self._queue = queue
        self._randomness = randomness
        self._logger = logger

    async def let_go_of_given(
        self, given: GivenTokens, why: LoginRefusal | Reason, *, caller: Caller
    ) -> None:
        """Let go of a refresh token that the caller brought, where a session with it could have been its own.

        That is so where the issuer has signed the access token beside it, for a client of ours that the
        caller may handle. A refresh token alone proves nothing: it may be anybody's.
        """
        if why not in _FINAL:
            return
        try:
            claims = await self._providers.claims_of(given.access_token)
        except KeysUnavailableError:
            return
        client_id = claims.client_id if claims else None
        if client_id is None or self._providers.endpoint_of(given.issuer, client_id) is None:
            return
        if caller.may_handle(given.issuer, client_id):
            await self._queue_up(given, client_id)

    async def let_go_of_redeemed(self, tokens: GivenTokens) -> None:
        """Let go of a refresh token that the provider gave us for a code, whatever became of the login.

        Nobody else has it, and the code is spent: it cannot be brought again.
        """
        provider = self._providers.find(tokens.issuer)
        if provider is not None:
            await self._queue_up(tokens, provider.client_id)

    async def _queue_up(self, tokens: GivenTokens, client_id: str) -> None:
        # What is queued is sealed for a session: here for one that there will never be.
        session = SessionId(self._randomness(SESSION_ID_BYTES))
        try:
            is_queued = await self._queue.add(
                session, issuer=tokens.issuer, client_id=client_id, refresh_token=tokens.refresh_token
            )
        except StoreUnavailableError:
            is_queued = False
        self._logger.warning(
            "a login did not open a session, and what it brought is revoked at its provider",
            issuer=tokens.issuer,
            queued=is_queued,
        )
