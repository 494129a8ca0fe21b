"""Adopts sessions: exchanges refresh tokens that providers gave to others for sessions of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, assert_never

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.confirmation import Confirmation, ProvenBefore, confirmation_id
from sessiond_server.domain.failures import (
    Failure,
    Input,
    InputRefusedError,
    KeysUnavailableError,
    LoginRefusedError,
    PepperMissingError,
    ProviderUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
    RevocationViewStaleError,
    quoted,
)
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import ROTATION_SALT_BYTES, Pepper, Peppers, RefreshToken
from sessiond_server.domain.session import Cause, IssuerLifetimes, Login
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.audit.events import Outcome
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail, told_where_uncertain
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.lease_time import is_in_time
from sessiond_server.service.providers.logins import GivenTokens, Provider, Providers
from sessiond_server.service.providers.refused_logins import RefusedLogins
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.sessions.create import RequestContext, SessionCreation
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.service.sessions.lease_queues import LeaseQueues, give_up_at, leaves_at
from sessiond_server.service.storage.adoptions import Adoption, Adoptions, Free, ProviderRefreshToken
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.sessions import Busy, NotRotated
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.uncancelled import Uncancelled

_HOLDER_BYTES: Final = 16
_DAY_MS: Final = 24 * 3_600_000
# What a key set that lags makes of a good token, or a clock that is wrong.
_PASSING: Final = frozenset(
    {Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID, Reason.EXPIRED, Reason.NOT_YET_VALID}
)


@dataclass(frozen=True, slots=True)
class _Call:
    """What a call presents, and what is known of whoever does."""

    token: ProviderRefreshToken
    provider: Provider
    context: RequestContext
    confirmation: Confirmation | None
    caller: Caller
    origin: Origin
    holder: bytes
    wanted_until: float | None

    def fingerprint(self, pepper: Pepper) -> bytes:
        device = self.context.device
        return pepper.device_fingerprint(self.caller.name, device.label, device.user_agent)


class SessionAdoption:
    """Opens sessions for those that others have with a provider.

    A provider's refresh token opens one session, however often and wherever it is presented. Who presents it
    again gets that session's first tokens again: within its grace, from the same caller and device, and until
    somebody has used them. Nothing else is given out for it, and nobody is punished.
    """

    def __init__(
        self,
        adoptions: Adoptions,
        *,
        creation: SessionCreation,
        providers: Providers,
        refused: RefusedLogins,
        queues: LeaseQueues,
        lifetimes: Mapping[str, IssuerLifetimes],
        peppers: Peppers,
        uncancelled: Uncancelled,
        until_stored: UntilStored,
        clock: Clock,
        randomness: Callable[[int], bytes],
        missing: MissingKeys,
        audit: AuditTrail,
        logger: Logger,
        telemetry: Telemetry,
    ) -> None:
        self._adoptions = adoptions
        self._creation = creation
        self._providers = providers
        self._refused = refused
        self._queues = queues
        self._lifetimes = lifetimes
        self._peppers = peppers
        self._uncancelled = uncancelled
        self._until_stored = until_stored
        self._clock = clock
        self._randomness = randomness
        self._missing = missing
        self._audit = audit
        self._logger = logger
        self._telemetry = telemetry

    async def adopt(
        self,
        token: ProviderRefreshToken,
        context: RequestContext,
        *,
        caller: Caller,
        origin: Origin,
        patience_seconds: float | None,
    ) -> IssuedTokens:
        """Exchange a provider's refresh token for a session; the client there is the one that redeems codes.

        From the exchange on it goes to its end without the caller too: many such tokens are good once.

        Raises:
            CallerNotPermittedError: the issuer, or the client, is not this caller's.
            InputRefusedError: the issuer holds no sessions, or adopts none.
            LoginRefusedError: the proof of possession is not good, or what the provider gave for the token
                does not open a session.
            RefreshRefusedError: the provider refuses the token, or it has opened a session that is in use.
            ProviderUnavailableError: the provider did not decide, or another call was with it for too long,
                or what it gave cannot be judged now, and is kept for whoever comes again.
            PepperMissingError: the session's first token is under a pepper that this server cannot read.
            SealingKeyMissingError: what is kept for the token cannot be unsealed here.
            OverloadedError: too much is under way; nothing was begun.
            TimeOverError: the caller had no time left; nothing was begun.
            StoreUnavailableError: the store did not answer.
        """
        arrived = self._clock.steady()
        provider = self._require(token.issuer, caller)
        confirmation = await self._creation.bind(context.proof)
        holder = self._randomness(_HOLDER_BYTES)
        wanted_until = leaves_at(arrived, patience_seconds)
        call = _Call(token, provider, context, confirmation, caller, origin, holder, wanted_until)

        async def ask() -> IssuedTokens | None:
            return await self._uncancelled.run(self._adopt(call))

        answer = await ask()
        if answer is not None:
            return answer
        return await self._queues.wait(token, ask, give_up=give_up_at(arrived, patience_seconds))

    def _require(self, issuer: str, caller: Caller) -> Provider:
        provider = self._providers.require(issuer, caller)
        if not provider.adopts:
            allowed = "an issuer whose settings say adopt = true"
            raise InputRefusedError(Input.ISSUER, found=quoted(issuer), allowed=allowed)
        caller.require_session(issuer, provider.client_id)
        return provider

    async def _adopt(self, call: _Call) -> IssuedTokens | None:
        """The answer; None while another call is at the provider."""
        asked = self._clock.steady()
        found = await self._adoptions.begin(call.token, holder=call.holder, wanted_until=call.wanted_until)
        match found:
            case Busy():
                return None
            case Adoption():
                return await self._answer_again(found, call)
            case Free(successor=successor) if is_in_time(asked, self._clock):
                return await self._exchange(call, successor)
            case Free():
                await self._adoptions.release(call.token, holder=call.holder)
                return None
            case _ as never:
                assert_never(never)

    async def _exchange(self, call: _Call, successor: str | None) -> IssuedTokens | None:
        issuer, text = call.token.issuer, successor or call.token.text
        response = await call.provider.endpoints[call.provider.client_id].refresh(text)
        match response:
            case Granted():
                return await self._open(call, _given(issuer, text, response))
            case Refused():
                self._telemetry.exchange_tried(issuer, "refused")
                await self._adoptions.release(
                    call.token, holder=call.holder, forgets_successor=successor is not None
                )
                raise RefreshRefusedError(RefreshRefusal.PROVIDER_REFUSED)
            case NoDecision(doubt=doubt):
                self._telemetry.exchange_tried(issuer, "undecided")
                said = "a provider did not decide on a refresh"
                self._logger.warning(said, issuer=issuer, doubt=doubt.value)
                # Where there was no answer, the exchange may still be going on there.
                if doubt is not Doubt.OPEN:
                    await self._adoptions.release(call.token, holder=call.holder)
                raise ProviderUnavailableError

    async def _open(self, call: _Call, given: GivenTokens) -> IssuedTokens | None:
        try:
            proven = await self._providers.prove(given, proof=ProvenBefore(call.confirmation))
            session, salt = self._creation.new_id(proven.login), self._randomness(ROTATION_SALT_BYTES)
            pepper = self._peppers.newest
            first = RefreshToken.adopting(call.token.text, pepper=pepper, session=session, salt=salt)
            opened = functools.partial(
                self._creation.open,
                proven,
                call.context,
                call.confirmation,
                caller=call.caller,
                origin=call.origin,
                token=first,
            )
            with self._told_where_uncertain(session, proven.login, call):
                issued = await self._until_stored.run(given.issuer, opened)
        except Failure as failure:
            if (reason := _may_pass(failure)) is None:
                await self._let_go(call, given)
                raise
            await self._hold(call, given, reason=reason)
            raise ProviderUnavailableError from failure
        adoption = Adoption(session, pepper.id, salt, call.fingerprint(pepper))
        return issued if await self._keep(call, adoption) else None

    def _told_where_uncertain(
        self, session: SessionId, login: Login, call: _Call
    ) -> AbstractContextManager[None]:
        tell = functools.partial(self._audit.created, session, login, call.origin, is_adopted=True)
        return told_where_uncertain(lambda: tell(outcome=Outcome.UNCERTAIN))

    async def _keep(self, call: _Call, adoption: Adoption) -> bool:
        """Remember what the token has opened; False where it has opened another session, which stays."""
        issuer = call.token.issuer
        life_ms = self._lifetimes[issuer].longest.absolute_ms + _DAY_MS
        kept = await self._until_stored.run(
            issuer, lambda: self._adoptions.keep(call.token, adoption, life_ms=life_ms)
        )
        self._telemetry.exchange_tried(issuer, "granted" if kept else "dropped")
        if not kept:
            await self._creation.undo(adoption.session, cause=Cause.POLICY, origin=call.origin)
        return kept

    async def _hold(self, call: _Call, given: GivenTokens, *, reason: str) -> None:
        """What the provider gave opens nothing now: who comes again goes on from there."""
        issuer = given.issuer
        hold = functools.partial(self._adoptions.hold, call.token, given.refresh_token, holder=call.holder)
        is_held = await self._until_stored.run(issuer, hold)
        self._telemetry.exchange_tried(issuer, "held" if is_held else "dropped")
        said = "what a provider gave for a refresh token of others cannot be judged now, and is kept"
        self._logger.error(said, issuer=issuer, reason=reason)

    async def _let_go(self, call: _Call, given: GivenTokens) -> None:
        """What the provider gave opens nothing: a new token has nobody but us, the old one whoever came."""
        self._telemetry.exchange_tried(given.issuer, "dropped")
        if given.refresh_token != call.token.text:
            await self._refused.let_go_of_redeemed(given)
        await self._adoptions.release(call.token, holder=call.holder, forgets_successor=True)

    async def _answer_again(self, adoption: Adoption, call: _Call) -> IssuedTokens:
        pepper = self._peppers.find(adoption.pepper_id)
        if pepper is None:
            self._missing.pepper(adoption.pepper_id)
            raise PepperMissingError
        if adoption.fingerprint != call.fingerprint(pepper):
            raise RefreshRefusedError(RefreshRefusal.SUPERSEDED)
        outcome = await self._adoptions.answer_again(
            adoption.session, confirmation_id=confirmation_id(call.confirmation)
        )
        if isinstance(outcome, NotRotated):
            raise RefreshRefusedError(outcome.refusal)
        access_token = outcome.access_token or ""
        claims = await self._providers.claims_to_repeat(access_token)
        first = RefreshToken.adopting(
            call.token.text, pepper=pepper, session=adoption.session, salt=adoption.salt
        )
        return IssuedTokens(
            access_token,
            replace(claims, session_id=str(adoption.session)),
            first.reveal(),
            outcome.session.refresh_expire_ms,
            replayed=True,
        )


def _may_pass(failure: Failure) -> str | None:
    """Why a token opens nothing now that may open a session in a moment; None where it never will."""
    match failure:
        case KeysUnavailableError():
            return "KEYS_UNAVAILABLE"
        case RevocationViewStaleError():
            return "REVOCATION_VIEW_STALE"
        case LoginRefusedError(why=why) if why in _PASSING:
            return why.name
        case _:
            return None


def _given(issuer: str, sent: str, granted: Granted) -> GivenTokens:
    """What the provider gave us; where it gives no new refresh token, the one that was sent stays good."""
    return GivenTokens(
        issuer,
        granted.access_token,
        granted.refresh_token or sent,
        granted.id_token or "",
        refresh_life_ms=granted.refresh_life_ms,
        from_issuer=True,
    )
