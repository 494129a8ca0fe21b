"""Exchanges at providers: the one place where a session could be lost, between spending one token and storing the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

from sessiond_server.domain.failures import (
    KeysUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
    RevocationViewStaleError,
    StoreUnavailableError,
    UpstreamUnavailableError,
)
from sessiond_server.domain.session import Cause
from sessiond_server.service.clock import Clock
from sessiond_server.service.log import Log
from sessiond_server.service.provider import Doubt, Granted, Refused, Undecided
from sessiond_server.service.providers import Provider, Providers, to_tokens
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.session_store import Leased, LeaseEnd, Moved, NotRotated, Rotated, Rotation, SessionLeases

T = TypeVar("T")

Outcome: TypeAlias = Rotated | NotRotated | Moved

# Within the lease of 15 s: behind it another call may be at the provider with the same token.
_PATIENCE_SECONDS: Final = 14.0
_PAUSE_SECONDS: Final = 0.2


class UpstreamRefresh:
    """Spends providers' refresh tokens, one call at a time for each session, and loses none that it got."""

    def __init__(
        self,
        leases: SessionLeases,
        providers: Providers,
        *,
        revocations: Revocations,
        clock: Clock,
        log: Log,
        count: Callable[[str, str], None],
    ) -> None:
        self._leases = leases
        self._providers = providers
        self._revocations = revocations
        self._clock = clock
        self._log = log
        self._count = count
        self._running: set[asyncio.Task[Outcome]] = set()

    async def exchange(self, rotation: Rotation, leased: Leased) -> Outcome:
        """Exchange under the lease, and commit; goes on to its end whatever becomes of the call that wanted it.

        Raises:
            RefreshRefusedError: the provider has ended the session, or answered with another's token; the session has ended.
            UpstreamUnavailableError: it did not decide; the presented token stays good.
            StoreUnavailableError, KeysUnavailableError, RevocationViewStaleError: what it gave could not be judged or stored.
        """
        task = asyncio.create_task(self._exchange(rotation, leased))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for the exchanges under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _forget(self, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, for nobody may be left who waits for it

    async def _exchange(self, rotation: Rotation, leased: Leased) -> Outcome:
        issuer, give_up = leased.session.login.issuer, self._clock.steady() + _PATIENCE_SECONDS
        provider = self._providers.find(issuer)
        if provider is None:
            self._log.error("a session is of an issuer that has no token endpoint any more", issuer=issuer)
            await self._leases.release(rotation, LeaseEnd.RELEASE)
            raise UpstreamUnavailableError
        answer = await provider.endpoint.refresh(leased.refresh_token)
        match answer:
            case Granted():
                return await self._keep(rotation, leased, answer, give_up=give_up)
            case Refused():
                self._count(issuer, "refused")
                cause = Cause.UPSTREAM_LOST if leased.in_doubt else Cause.UPSTREAM_REFUSED
                return await self._end(rotation, leased, cause=cause)
            case Undecided(doubt=doubt):
                self._count(issuer, "undecided")
                return await self._leave(rotation, leased, doubt, provider)

    async def _keep(self, rotation: Rotation, leased: Leased, granted: Granted, *, give_up: float) -> Outcome:
        login = leased.session.login
        claims = await self._until(give_up, lambda: self._providers.continues(granted.access_token, login))
        if claims is None:
            self._count(login.issuer, "mismatch")
            self._log.error(
                "a provider answered a refresh with a token that is not of the session, which has been ended",
                issuer=login.issuer,
                session_id=str(leased.session.id),
            )
            return await self._end(rotation, leased, cause=Cause.UPSTREAM_MISMATCH, brought=granted.refresh_token)
        tokens = to_tokens(granted.access_token, claims, granted.refresh_token or leased.refresh_token)
        committed = await self._until(give_up, lambda: self._leases.commit(rotation, leased, tokens))
        self._count(login.issuer, "dropped" if isinstance(committed, Moved) else "granted")
        return committed

    async def _until(self, give_up: float, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again and again while the lease lasts: what the provider gave must not be lost to a hiccup of ours."""
        while True:
            try:
                return await attempt()
            except (StoreUnavailableError, KeysUnavailableError, RevocationViewStaleError) as error:
                if self._clock.steady() >= give_up:
                    self._log.error("what a provider gave for a session was lost", failure=type(error).__name__)
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _end(self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None = None) -> Outcome:
        ended = await self._leases.end_leased(rotation, leased, cause=cause, brought=brought)
        if not ended.count:
            # The lease ran out meanwhile: whoever holds it now decides.
            return Moved()
        self._revocations.apply_own(ended.logged)
        self._log.warning("a session has ended at its provider", session_id=str(leased.session.id), cause=cause.name)
        raise RefreshRefusedError(RefreshRefusal.UPSTREAM_REFUSED)

    async def _leave(self, rotation: Rotation, leased: Leased, doubt: Doubt, provider: Provider) -> Outcome:
        if provider.ends_in_doubt and doubt is not Doubt.NONE:
            return await self._end(rotation, leased, cause=Cause.UPSTREAM_LOST)
        self._log.warning("a provider did not decide on a refresh", issuer=provider.policy.issuer, doubt=doubt.value)
        # Unanswered, the exchange may still be going on there: nobody else tries before the lease has run out.
        if doubt is not Doubt.OPEN:
            await self._leases.release(rotation, LeaseEnd.DOUBT if doubt is Doubt.POSSIBLE else LeaseEnd.RELEASE)
        raise UpstreamUnavailableError
