"""Rotations, and the exchanges at providers between spending one token and storing the next.

This is the one place where a session could be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.failures import (
    ProviderUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
)
from sessiond_server.domain.session import Cause
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.audited_rotations import AuditedRotations
from sessiond_server.service.providers.ended_sessions import EndedSessions
from sessiond_server.service.providers.exchange_remarks import ExchangeRemarks
from sessiond_server.service.providers.lease_time import is_in_time
from sessiond_server.service.providers.logins import (
    Provider,
    Providers,
    SomebodyElses,
    Unfit,
    to_tokens,
)
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.leases import LeaseEnd, Moved, SessionLeases
from sessiond_server.service.storage.sessions import (
    Busy,
    Held,
    Leased,
    NotRotated,
    Rotated,
    Rotation,
    SessionStore,
)
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.uncancelled import Uncancelled


@dataclass(frozen=True, slots=True, repr=False)
class Exchanged:
    """A rotation, and the access token that came with it, with its claims as judged before it was stored.

    What was stored is not asked for again: by the store's clock the token may have expired meanwhile.
    """

    rotated: Rotated
    access_token: str
    claims: Claims


Outcome: TypeAlias = Exchanged | NotRotated | Moved


class ProviderExchange:
    """Rotates sessions: spends providers' refresh tokens for that, and loses none that it got.

    At most one call at a time is at a provider with a session.
    """

    def __init__(
        self,
        store: SessionStore,
        leases: SessionLeases,
        providers: Providers,
        *,
        revocations: Revocations,
        logger: Logger,
        telemetry: Telemetry,
        uncancelled: Uncancelled,
        until_stored: UntilStored,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._store = store
        self._leases = leases
        self._providers = providers
        self._logger = logger
        self._telemetry = telemetry
        self._uncancelled = uncancelled
        self._until_stored = until_stored
        self._clock = clock
        self._ended = EndedSessions(revocations=revocations, audit=audit, logger=logger)
        self._audited = AuditedRotations(audit, store)
        self._remarks = ExchangeRemarks(telemetry=telemetry, logger=logger)

    async def rotate(
        self, rotation: Rotation, origin: Origin
    ) -> Rotated | NotRotated | Busy | Held | Exchanged | Moved:
        """Spend a refresh token at the store; where that gives the lease, exchange under it, and commit.

        It goes on to its end whatever becomes of the call that wanted it: a lease that nobody used would keep
        everybody waiting for as long as it lasts.

        Raises:
            RefreshRefusedError: the provider has ended the session, or answered with another's token; the
                session has ended.
            ProviderUnavailableError: the provider did not decide, or what it gave cannot be handed out now;
                the presented token stays good.
            StoreUnavailableError: the store did not answer.
            SealingKeyMissingError: the session cannot be unsealed here.
            OverloadedError, TimeOverError: too many are under way, or nobody waits for this any more; nothing
                was begun.
        """
        return await self._uncancelled.run(self._rotate(rotation, origin))

    async def drain(self) -> None:
        """Wait for what is under way, and let it give up where the store does not answer for too long."""
        self._until_stored.stop()
        await self._uncancelled.drain()

    async def _rotate(
        self, rotation: Rotation, origin: Origin
    ) -> Rotated | NotRotated | Busy | Held | Outcome:
        asked = self._clock.steady()
        outcome: Rotated | NotRotated | Busy | Held | Outcome
        match await self._store.rotate(rotation):
            case Leased() as leased if is_in_time(asked, self._clock):
                outcome = await self._exchange(rotation, leased, origin)
            case Leased() as leased:
                outcome = await self._ask_anew(rotation, leased)
            case found:
                outcome = found
        await self._audited.tell(rotation, outcome, origin)
        return outcome

    async def _ask_anew(self, rotation: Rotation, leased: Leased) -> Moved:
        """Give up a lease of which too little is left, before anything was sent."""
        self._logger.warning("a lease came too late to be used")
        await self._leases.release(rotation, LeaseEnd.RELEASE, doubt_age_ms=leased.doubt_age_ms)
        return Moved()

    async def _exchange(self, rotation: Rotation, leased: Leased, origin: Origin) -> Outcome:
        issuer, client_id = leased.session.login.issuer, leased.session.login.client_id
        provider = self._providers.find(issuer)
        if provider is None or client_id not in provider.endpoints:
            self._logger.error(
                "a session is of an issuer without a token endpoint now, or of a client that is not ours now",
                issuer=issuer,
            )
            await self._leases.release(rotation, LeaseEnd.RELEASE, doubt_age_ms=leased.doubt_age_ms)
            raise ProviderUnavailableError
        if provider.profile.ends_in_doubt and provider.profile.is_replay(leased):
            return await self._end(rotation, leased, origin, cause=Cause.PROVIDER_LOST)
        self._remarks.on_replay(leased, provider)
        response = await provider.endpoints[client_id].refresh(leased.refresh_token)
        match response:
            case Granted():
                is_renewed = response.new_refresh_token(leased.refresh_token) is not None
                self._remarks.on_renewal(provider, is_renewed=is_renewed)
                return await self._keep(rotation, leased, response, origin)
            case Refused():
                self._telemetry.exchange_tried(issuer, "refused")
                is_lost = provider.profile.is_in_doubt(leased)
                cause = Cause.PROVIDER_LOST if is_lost else Cause.PROVIDER_REFUSED
                return await self._end(rotation, leased, origin, cause=cause)
            case NoDecision(doubt=doubt):
                self._telemetry.exchange_tried(issuer, "undecided")
                return await self._leave(rotation, leased, origin, doubt, provider)

    async def _keep(self, rotation: Rotation, leased: Leased, granted: Granted, origin: Origin) -> Outcome:
        login = leased.session.login
        found = await self._providers.judge_exchanged(granted.access_token, login)
        match found:
            case SomebodyElses():
                return await self._end_as_somebody_elses(rotation, leased, granted, origin)
            case Unfit(reason=reason):
                return await self._hold(rotation, leased, granted, reason=reason)
            case Claims() as claims:
                pass
            case _ as never:
                assert_never(never)
        self._remarks.on_scopes(claims, leased)
        refresh_token, life_ms = granted.kept_after(leased.refresh_token)
        tokens = to_tokens(granted.access_token, claims, refresh_token, refresh_life_ms=life_ms)
        committed = await self._until_stored.run(
            login.issuer, lambda: self._leases.commit(rotation, leased, tokens)
        )
        self._telemetry.exchange_tried(
            login.issuer, "granted" if isinstance(committed, Rotated) else "dropped"
        )
        if isinstance(committed, Rotated):
            return Exchanged(committed, granted.access_token, claims)
        return committed

    async def _hold(self, rotation: Rotation, leased: Leased, granted: Granted, *, reason: str) -> Outcome:
        """Keep what the provider gave, and hand nothing out: the next exchange may bring what fits."""
        issuer = leased.session.login.issuer
        refresh_token, life_ms = granted.kept_after(leased.refresh_token)
        pause_seconds = await self._until_stored.run(
            issuer,
            lambda: self._leases.hold(rotation, leased, refresh_token, refresh_life_ms=life_ms),
        )
        self._telemetry.exchange_tried(issuer, "dropped" if pause_seconds is None else "held")
        if pause_seconds is None:
            return Moved()
        self._logger.error(
            "what a provider gave for a session cannot be handed out, the session is held",
            issuer=issuer,
            session_id=str(leased.session.id),
            reason=reason,
            pause_seconds=pause_seconds,
        )
        raise ProviderUnavailableError

    async def _end_as_somebody_elses(
        self, rotation: Rotation, leased: Leased, granted: Granted, origin: Origin
    ) -> Outcome:
        issuer = leased.session.login.issuer
        self._telemetry.exchange_tried(issuer, "mismatch")
        self._logger.error(
            "a provider answered a refresh with a token that is not of the session, which has been ended",
            issuer=issuer,
            session_id=str(leased.session.id),
        )
        brought = granted.new_refresh_token(leased.refresh_token)
        return await self._end(rotation, leased, origin, cause=Cause.PROVIDER_MISMATCH, brought=brought)

    async def _end(
        self,
        rotation: Rotation,
        leased: Leased,
        origin: Origin,
        *,
        cause: Cause,
        brought: str | None = None,
    ) -> Outcome:
        ending = self._leases.end_leased(rotation, leased, cause=cause, brought=brought)
        if not await self._ended.end(leased, origin, cause=cause, ending=ending):
            return Moved()
        raise RefreshRefusedError(RefreshRefusal.PROVIDER_REFUSED)

    async def _leave(
        self, rotation: Rotation, leased: Leased, origin: Origin, doubt: Doubt, provider: Provider
    ) -> Outcome:
        if provider.profile.ends_with(doubt, leased):
            return await self._end(rotation, leased, origin, cause=Cause.PROVIDER_LOST)
        self._logger.warning(
            "a provider did not decide on a refresh", issuer=provider.policy.issuer, doubt=doubt.value
        )
        end = provider.profile.lease_end(doubt)
        if end is not None:
            await self._leases.release(rotation, end, doubt_age_ms=leased.doubt_age_ms)
        raise ProviderUnavailableError
