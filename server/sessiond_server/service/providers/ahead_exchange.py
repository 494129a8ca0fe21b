"""An exchange at a provider that no call waits for."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, assert_never

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import Cause
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.ended_sessions import EndedSessions
from sessiond_server.service.providers.lease_time import is_in_time
from sessiond_server.service.providers.logins import Provider, Providers, SomebodyElses, Unfit, to_tokens
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.ahead import Ahead, ExchangesAhead
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Leased, ProviderTokens
from sessiond_server.service.uncancelled import Uncancelled

_HOLDER_BYTES: Final = 16
# Nobody has asked for it.
_NOBODY: Final = Origin("")


class AheadOutcome(Enum):
    """What came of an exchange ahead of its need."""

    NOT_DUE = "not_due"
    GRANTED = "granted"
    UNFIT = "unfit"
    """The refresh token is kept; the access token cannot be handed out."""
    DROPPED = "dropped"
    REFUSED = "refused"
    MISMATCH = "mismatch"
    UNDECIDED = "undecided"


class AheadExchange:
    """Exchanges the refresh token of a session whose access token will end soon, under the session's lease.

    What it begins it finishes, as every exchange: nothing that a provider gave is lost. A session ends by it
    for what a session ends by at any exchange, and for nothing else. `entry_life_ms` is how long an entry of
    the revocation log is kept.
    """

    def __init__(
        self,
        leases: ExchangesAhead,
        providers: Providers,
        *,
        revocations: Revocations,
        uncancelled: Uncancelled,
        until_stored: UntilStored,
        audit: AuditTrail,
        logger: Logger,
        clock: Clock,
        entry_life_ms: int,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._leases = leases
        self._providers = providers
        self._uncancelled = uncancelled
        self._until_stored = until_stored
        self._ended = EndedSessions(revocations=revocations, audit=audit, logger=logger)
        self._logger = logger
        self._clock = clock
        self._entry_life_ms = entry_life_ms
        self._randomness = randomness

    async def run(self, session: SessionId, *, within_ms: int) -> AheadOutcome:
        """Exchange, where the access token ends within so long.

        Raises:
            OverloadedError: too many are under way; nothing was begun.
            SealingKeyMissingError: the session cannot be unsealed here.
            StoreUnavailableError: the store did not answer.
        """
        ahead = Ahead(session, self._randomness(_HOLDER_BYTES), within_ms, self._entry_life_ms)
        return await self._uncancelled.run(self._run(ahead))

    async def drain(self) -> None:
        """Wait for what is under way."""
        await self._uncancelled.drain()

    async def _run(self, ahead: Ahead) -> AheadOutcome:
        asked = self._clock.steady()
        leased = await self._leases.lease(ahead)
        if leased is None:
            return AheadOutcome.NOT_DUE
        login = leased.session.login
        provider = self._providers.find(login.issuer)
        is_ours = provider is not None and login.client_id in provider.endpoints
        if provider is None or not is_ours or not is_in_time(asked, self._clock):
            await self._leases.release(ahead, LeaseEnd.RELEASE)
            return AheadOutcome.NOT_DUE
        response = await provider.endpoints[login.client_id].refresh(leased.refresh_token)
        match response:
            case Granted():
                return await self._keep(ahead, leased, response)
            case Refused():
                return await self._end(ahead, leased, Cause.PROVIDER_REFUSED, AheadOutcome.REFUSED)
            case NoDecision(doubt=doubt):
                return await self._leave(ahead, leased, doubt, provider)

    async def _keep(self, ahead: Ahead, leased: Leased, granted: Granted) -> AheadOutcome:
        refresh_token, life_ms = granted.kept_after(leased.refresh_token)
        found = await self._providers.judge_exchanged(granted.access_token, leased.session.login)
        match found:
            case SomebodyElses():
                return await self._end(
                    ahead,
                    leased,
                    Cause.PROVIDER_MISMATCH,
                    AheadOutcome.MISMATCH,
                    brought=granted.new_refresh_token(leased.refresh_token),
                )
            case Unfit(reason=reason):
                self._tell_of_unfit(leased, reason)
                tokens, outcome = _refresh_token_alone(refresh_token, life_ms), AheadOutcome.UNFIT
            case Claims() as claims:
                tokens = to_tokens(granted.access_token, claims, refresh_token, refresh_life_ms=life_ms)
                outcome = AheadOutcome.GRANTED
            case _ as never:
                assert_never(never)
        is_kept = await self._until_stored.run(
            leased.session.login.issuer, lambda: self._leases.keep(ahead, leased, tokens)
        )
        return outcome if is_kept else AheadOutcome.DROPPED

    async def _leave(self, ahead: Ahead, leased: Leased, doubt: Doubt, provider: Provider) -> AheadOutcome:
        if provider.profile.ends_with(doubt, leased):
            return await self._end(ahead, leased, Cause.PROVIDER_LOST, AheadOutcome.UNDECIDED)
        end = provider.profile.lease_end(doubt)
        if end is not None:
            await self._leases.release(ahead, end)
        return AheadOutcome.UNDECIDED

    async def _end(
        self,
        ahead: Ahead,
        leased: Leased,
        cause: Cause,
        outcome: AheadOutcome,
        *,
        brought: str | None = None,
    ) -> AheadOutcome:
        ending = self._leases.end(ahead, leased, cause=cause, brought=brought)
        if not await self._ended.end(leased, _NOBODY, cause=cause, ending=ending):
            return AheadOutcome.DROPPED
        return outcome

    def _tell_of_unfit(self, leased: Leased, reason: str) -> None:
        self._logger.error(
            "what a provider gave ahead of its need cannot be handed out",
            issuer=leased.session.login.issuer,
            session_id=str(leased.session.id),
            reason=reason,
        )


def _refresh_token_alone(refresh_token: str, life_ms: int | None) -> ProviderTokens:
    return ProviderTokens("", 0, None, None, refresh_token, life_ms)
