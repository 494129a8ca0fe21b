"""Opens, refreshes and shows sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn, assert_never

from sessiond_server.domain.binding import Binding, Confirmation, confirmation_id
from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import (
    FieldInvalidError,
    KeysUnavailableError,
    LoginRefusedError,
    PepperMissingError,
    RefreshRefusal,
    RefreshRefusedError,
    SessionNotFoundError,
    UpstreamUnavailableError,
)
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.refresh_token import SECRET_BYTES, STEP_BYTES, Peppers, RefreshToken
from sessiond_server.domain.session import Client, Lifetimes, Login, StoredSession
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.clock import Clock
from sessiond_server.service.local_logins import LocalLogins
from sessiond_server.service.log import Log
from sessiond_server.service.opened import Opened
from sessiond_server.service.possession import Possession, Proven
from sessiond_server.service.providers import GivenCode, GivenTokens, Providers
from sessiond_server.service.recognition import Recognition
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.session_store import (
    Busy,
    Leased,
    Moved,
    NewSession,
    NotRotated,
    ProviderTokens,
    Rotated,
    Rotation,
    SessionCursor,
    SessionPage,
    SessionStore,
)
from sessiond_server.service.upstream_refresh import UpstreamRefresh

_HOLDER_BYTES: Final = 16
# How long a call without a deadline waits for another's exchange, and how often it looks.
_PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Device:
    """What a login or a refresh says beside its tokens."""

    client: Client
    attributes: tuple[tuple[str, str], ...] = ()
    binding: Binding | None = None


class Sessions:
    """Sessions of the local issuer and of providers; `lifetimes` are by issuer."""

    def __init__(
        self,
        store: SessionStore,
        *,
        local: LocalLogins | None,
        providers: Providers,
        upstream: UpstreamRefresh,
        recognition: Recognition,
        possession: Possession,
        lifetimes: Mapping[str, Lifetimes],
        entry_life_ms: int,
        peppers: Peppers,
        revocations: Revocations,
        clock: Clock,
        randomness: Callable[[int], bytes],
        log: Log,
    ) -> None:
        self._store = store
        self._local = local
        self._providers = providers
        self._upstream = upstream
        self._recognition = recognition
        self._possession = possession
        self._lifetimes = lifetimes
        self._entry_life_ms = entry_life_ms
        self._peppers = peppers
        self._revocations = revocations
        self._clock = clock
        self._randomness = randomness
        self._log = log

    async def create_local(self, login: Login, device: Device, *, caller: Caller) -> Opened:
        """Open a session for a login that the caller vouches for; an empty client and empty audiences mean the issuer's own.

        Raises:
            FieldInvalidError: there is no local issuer, or the login claims what it may not, or its token would not be one that
                this service accepts.
            LoginRefusedError: it is to be bound to a key whose possession was not proven.
        """
        if self._local is None:
            raise FieldInvalidError("local_login", found="a login", allowed="nothing: no local issuer is configured")
        login = self._local.complete(login)
        caller.require_session(login.issuer, login.client_id)
        login = replace(login, confirmation=await self._bind(device.binding))
        session = self._new_id(login)
        self._local.rehearse(session, login)
        stored, token = await self._store_new(session, login, None)
        text, claims = self._local.access_token(stored)
        return Opened(text, claims, token.reveal(), stored.refresh_expire_ms, replayed=False)

    async def create_from_tokens(self, given: GivenTokens, device: Device, *, caller: Caller) -> Opened:
        """Open a session for a login at a provider, whose tokens the caller has; raises as `Providers.prove` does."""
        caller.require_issuer(given.issuer)
        confirmation = await self._bind(device.binding)
        return await self._open(given, device, confirmation, caller=caller, field="upstream_tokens")

    async def create_from_code(self, given: GivenCode, device: Device, *, caller: Caller) -> Opened:
        """Open a session for a login at a provider, whose code the caller has; raises as `Providers.redeem` and `prove` do."""
        caller.require_issuer(given.issuer)
        confirmation = await self._bind(device.binding)
        tokens = await self._providers.redeem(given)
        return await self._open(tokens, device, confirmation, caller=caller, field="authorization_code")

    async def refresh(self, presented: str, device: Device, *, caller: Caller, patience_seconds: float | None) -> Opened:
        """Spend a refresh token; the same call again within the grace gets the same successor.

        Where another call is at the provider with the session, it is waited for: as long as the caller has time.

        Raises:
            RefreshRefusedError: the token opens nothing, for the reason that it names.
            CallerNotPermittedError: the session is of an issuer or client that is not this caller's; nothing changes.
            PepperMissingError: it is, or its successor would be, under a pepper that this server cannot read.
            UpstreamUnavailableError: the provider did not decide, or another call was with it for too long.
        """
        token = await self._recognition.recognise(presented)
        if token is None:
            raise RefreshRefusedError(RefreshRefusal.INVALID)
        await self._recognition.require_session(token.session, caller)
        proven = await self._possession.find_key(device.binding) if device.binding else None
        rotation = self._rotation(token, proven, caller=caller.name, client=device.client)
        rotated = await self._rotate(rotation, token, patience_seconds=patience_seconds)
        # Not before: a call that failed can be repeated with its proof.
        if rotated.session.login.confirmation and proven and not await self._possession.spend(proven):
            raise RefreshRefusedError(RefreshRefusal.BINDING_MISMATCH)
        pepper = self._peppers.find(rotated.pepper_id)
        if pepper is None:
            self._log.error("a session was rotated under a pepper that this server cannot read")
            raise PepperMissingError
        successor = token.successor(pepper=pepper, step=rotated.step)
        return await self._reopen(rotated, successor)

    async def get(self, session: SessionId, *, caller: Caller) -> StoredSession:
        """A live session; raises `SessionNotFoundError`, and `CallerNotPermittedError` where it is not this caller's."""
        found = await self._store.get(session)
        if found is None:
            raise SessionNotFoundError
        caller.require_session(found.login.issuer, found.login.client_id)
        return found

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None, caller: Caller) -> SessionPage:
        """The live sessions of a subject, newest first; of other clients than this caller's nothing is shown."""
        self._recognition.require_issuer(issuer, caller)
        page = await self._store.list(issuer, subject, limit=limit, after=after)
        shown = (one for one in page.sessions if caller.client_ids is None or one.login.client_id in caller.client_ids)
        return replace(page, sessions=tuple(shown))

    async def _open(
        self, given: GivenTokens, device: Device, confirmation: Confirmation | None, *, caller: Caller, field: str
    ) -> Opened:
        proven = await self._providers.prove(given, field=field)
        login = replace(proven.login, client=device.client, attributes=device.attributes, confirmation=confirmation)
        caller.require_session(login.issuer, login.client_id)
        stored, token = await self._store_new(self._new_id(login), login, proven.tokens)
        claims = replace(proven.claims, session_id=str(stored.id))
        return Opened(given.access_token, claims, token.reveal(), stored.refresh_expire_ms, replayed=False)

    async def _bind(self, binding: Binding | None) -> Confirmation | None:
        """What a new session is bound to; its proof is spent by it."""
        if binding is None:
            return None
        proven = await self._possession.find_key(binding)
        if proven is None or not await self._possession.spend(proven):
            raise LoginRefusedError(Reason.BINDING_MISMATCH.name)
        return proven.confirmation

    def _new_id(self, login: Login) -> SessionId:
        return SessionId.mint(login.issuer, login.subject, randomness=self._randomness(SESSION_ID_BYTES))

    async def _store_new(
        self, session: SessionId, login: Login, tokens: ProviderTokens | None
    ) -> tuple[StoredSession, RefreshToken]:
        pepper = self._peppers.newest
        token = RefreshToken(pepper, session, generation=0, secret=self._randomness(SECRET_BYTES))
        lifetimes = self._lifetimes[login.issuer]
        created = await self._store.create(
            NewSession(session, login, lifetimes, pepper.id, token.secret_hash, self._entry_life_ms, tokens)
        )
        self._revocations.apply_own(created.logged)
        return created.session, token

    async def _rotate(self, rotation: Rotation, token: RefreshToken, *, patience_seconds: float | None) -> Rotated:
        give_up = self._clock.steady() + (_PATIENCE_SECONDS if patience_seconds is None else patience_seconds)
        while True:
            found = await self._store.rotate(rotation)
            outcome = await self._upstream.exchange(rotation, found) if isinstance(found, Leased) else found
            match outcome:
                case Rotated():
                    return outcome
                case NotRotated():
                    self._refuse(outcome, token)
                case Busy(store_ms=store_ms):
                    rotation = replace(rotation, arrived_ms=rotation.arrived_ms or store_ms)
                case Moved():
                    pass
                case _ as never:
                    assert_never(never)
            if self._clock.steady() + _PAUSE_SECONDS >= give_up:
                raise UpstreamUnavailableError
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _reopen(self, rotated: Rotated, successor: RefreshToken) -> Opened:
        session = rotated.session
        if rotated.access_token is not None:
            text, claims = rotated.access_token, await self._providers.claims_of(rotated.access_token)
            if claims is None:
                # Its key has gone since it was stored: what cannot be validated is not handed out.
                raise KeysUnavailableError
            claims = replace(claims, session_id=str(session.id))
        elif self._local is not None and session.login.issuer == self._local.issuer:
            text, claims = self._local.access_token(session)
        else:
            self._log.error("a provider's session has lost its access token", session_id=str(session.id))
            raise UpstreamUnavailableError
        return Opened(text, claims, successor.reveal(), session.refresh_expire_ms, rotated.replayed)

    def _rotation(self, token: RefreshToken, proven: Proven | None, *, caller: str, client: Client) -> Rotation:
        step, pepper = self._randomness(STEP_BYTES), self._peppers.newest
        return Rotation(
            session=token.session,
            generation=token.generation,
            secret_hash=token.secret_hash,
            client_fingerprint=token.pepper.client_fingerprint(caller, client.device_label, client.user_agent),
            pepper_id=pepper.id,
            step=step,
            successor_hash=token.successor(pepper=pepper, step=step).secret_hash,
            entry_life_ms=self._entry_life_ms,
            holder=self._randomness(_HOLDER_BYTES),
            confirmation_id=confirmation_id(proven.confirmation if proven else None),
        )

    def _refuse(self, outcome: NotRotated, token: RefreshToken) -> NoReturn:
        if outcome.logged:
            self._revocations.apply_own(outcome.logged)
        if outcome.refusal is RefreshRefusal.REUSED:
            self._log.warning("a refresh token was reused, its session has been ended", session_id=str(token.session))
        raise RefreshRefusedError(outcome.refusal)
