"""Refreshes sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn, assert_never

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.confirmation import confirmation_id
from sessiond_server.domain.failures import (
    PepperMissingError,
    ProviderUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
)
from sessiond_server.domain.refresh_token import ROTATION_SALT_BYTES, Peppers, RefreshToken
from sessiond_server.domain.session import Device
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.exchange import Exchanged, ProviderExchange
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.providers.refresh_ahead import RefreshAhead
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.create import RequestContext
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.service.sessions.lease_queues import LeaseQueues, give_up_at, leaves_at
from sessiond_server.service.sessions.local_logins import LocalLogins
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.storage.leases import Moved
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.sessions import Busy, Held, NotRotated, Rotated, Rotation
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession, ProvenKey

_HOLDER_BYTES: Final = 16


class SessionRefresh:
    """Refreshes sessions of the local issuer and of providers.

    `entry_life_ms` is how long an entry of the revocation log is kept.
    """

    def __init__(
        self,
        *,
        local: LocalLogins | None,
        providers: Providers,
        exchange: ProviderExchange,
        ahead: RefreshAhead,
        queues: LeaseQueues,
        authenticator: RefreshTokenAuthenticator,
        possession: ProofOfPossession,
        entry_life_ms: int,
        peppers: Peppers,
        revocations: Revocations,
        clock: Clock,
        randomness: Callable[[int], bytes],
        missing: MissingKeys,
        logger: Logger,
    ) -> None:
        self._local = local
        self._providers = providers
        self._exchange = exchange
        self._ahead = ahead
        self._queues = queues
        self._authenticator = authenticator
        self._possession = possession
        self._entry_life_ms = entry_life_ms
        self._peppers = peppers
        self._revocations = revocations
        self._clock = clock
        self._randomness = randomness
        self._missing = missing
        self._logger = logger

    async def refresh(
        self,
        presented: str,
        context: RequestContext,
        *,
        caller: Caller,
        origin: Origin,
        patience_seconds: float | None,
    ) -> IssuedTokens:
        """Spend a refresh token; the same call again within the grace gets the same successor.

        Where another call is at the provider with the session, this one waits for it for as long as the
        caller has time.

        Raises:
            RefreshRefusedError: the token opens nothing, for the reason that the error names; one of a
                session that is not this caller's is invalid, and nothing changes.
            PepperMissingError: the token is, or its successor would be, under a pepper that this server
                cannot read.
            ProviderUnavailableError: the provider did not decide, or another call was with it for too long,
                or too many calls wait for it.
            KeysUnavailableError: an access token that is to be handed out again cannot be judged.
            OverloadedError: too many refreshes are under way; nothing was begun.
            TimeOverError: the caller had no time left; nothing was begun.
            SealingKeyMissingError: the session cannot be unsealed here.
            StoreUnavailableError: the store did not answer.
        """
        arrived = self._clock.steady()
        # A token of another client's session is no better than an invalid one (RFC 6749 §5.2).
        token = await self._authenticator.authenticate(presented, caller)
        if token is None:
            raise RefreshRefusedError(RefreshRefusal.INVALID)
        proven = await self._possession.find_key(context.proof) if context.proof else None
        rotation = replace(
            self._rotation(token, proven, caller=caller.name, device=context.device),
            arrived=arrived,
            wanted_until=leaves_at(arrived, patience_seconds),
        )
        outcome = await self._rotate(rotation, token, origin, give_up=give_up_at(arrived, patience_seconds))
        rotated = outcome.rotated if isinstance(outcome, Exchanged) else outcome
        # The proof is not spent earlier: a call that failed can be repeated with it.
        if rotated.session.login.confirmation and proven and not await self._possession.spend(proven):
            raise RefreshRefusedError(RefreshRefusal.BINDING_MISMATCH)
        self._tell_of_pause(rotated.pause_ms if rotated.replayed else 0, token)
        successor, session = self._successor(token, rotated), rotated.session
        text, claims = await self._access_token(outcome)
        self._ahead.note_use(session.id, claims)
        return IssuedTokens(text, claims, successor.reveal(), session.refresh_expire_ms, rotated.replayed)

    def _successor(self, token: RefreshToken, rotated: Rotated) -> RefreshToken:
        """The next refresh token, computed from what the store answers."""
        pepper = self._peppers.find(rotated.pepper_id)
        if pepper is None:
            self._missing.pepper(rotated.pepper_id)
            raise PepperMissingError
        return token.successor(pepper=pepper, rotation_salt=rotated.rotation_salt)

    async def _rotate(
        self, rotation: Rotation, token: RefreshToken, origin: Origin, *, give_up: float
    ) -> Rotated | Exchanged:
        async def ask() -> Rotated | Exchanged | None:
            """The answer; None while another call is at the provider, or where one was there before us."""
            outcome = await self._exchange.rotate(rotation, origin)
            match outcome:
                case Rotated() | Exchanged():
                    return outcome
                case NotRotated():
                    self._refuse(outcome, token)
                case Held():
                    raise ProviderUnavailableError
                case Busy() | Moved():
                    pass
                case _ as never:
                    assert_never(never)
            return None

        answer = await ask()
        if answer is not None:
            return answer
        return await self._queues.wait(rotation.session, ask, give_up=give_up)

    async def _access_token(self, outcome: Rotated | Exchanged) -> tuple[str, Claims]:
        """The access token that the caller gets, and what it says."""
        if isinstance(outcome, Exchanged):
            session_id = str(outcome.rotated.session.id)
            return outcome.access_token, replace(outcome.claims, session_id=session_id)
        session = outcome.session
        if outcome.access_token is not None:
            claims = await self._providers.claims_to_repeat(outcome.access_token)
            return outcome.access_token, replace(claims, session_id=str(session.id))
        if self._local is not None and session.login.issuer == self._local.issuer:
            return self._local.access_token(session)
        self._logger.error("a provider's session has lost its access token", session_id=str(session.id))
        raise ProviderUnavailableError

    def _rotation(
        self, token: RefreshToken, proven: ProvenKey | None, *, caller: str, device: Device
    ) -> Rotation:
        salt, pepper = self._randomness(ROTATION_SALT_BYTES), self._peppers.newest
        return Rotation(
            session=token.session,
            generation=token.generation,
            secret_hash=token.secret_hash,
            device_fingerprint=token.pepper.device_fingerprint(caller, device.label, device.user_agent),
            pepper_id=pepper.id,
            rotation_salt=salt,
            successor_hash=token.successor(pepper=pepper, rotation_salt=salt).secret_hash,
            entry_life_ms=self._entry_life_ms,
            holder=self._randomness(_HOLDER_BYTES),
            confirmation_id=confirmation_id(proven.confirmation if proven else None),
        )

    def _refuse(self, outcome: NotRotated, token: RefreshToken) -> NoReturn:
        if outcome.logged:
            self._revocations.apply_own(outcome.logged)
        if outcome.refusal is RefreshRefusal.REUSED:
            self._logger.warning(
                "a refresh token was reused, its session has been ended", session_id=str(token.session)
            )
        self._tell_of_pause(outcome.pause_ms, token)
        raise RefreshRefusedError(outcome.refusal)

    def _tell_of_pause(self, pause_ms: int, token: RefreshToken) -> None:
        """Say where a token would have been reused, had there been no outage."""
        if pause_ms:
            self._logger.warning(
                "a spent refresh token came behind an outage of the store, its session goes on",
                session_id=str(token.session),
                pause_ms=pause_ms,
            )
