"""Opens, refreshes, ends and shows sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, NoReturn, TypeAlias, assert_never

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import (
    FieldInvalidError,
    KeysUnavailableError,
    PepperMissingError,
    RefreshRefusal,
    RefreshRefusedError,
    SessionNotFoundError,
    UpstreamUnavailableError,
    quoted,
)
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.refresh_token import SECRET_BYTES, STEP_BYTES, Peppers, RefreshToken, UnknownPepper
from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause, Client, Lifetimes, Login, StoredSession
from sessiond_server.service.clock import Clock
from sessiond_server.service.local_logins import LocalLogins
from sessiond_server.service.log import Log
from sessiond_server.service.opened import Opened, Revoked
from sessiond_server.service.providers import GivenCode, GivenTokens, Providers
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.session_store import (
    Busy,
    Ended,
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
from sessiond_server.service.token_cache import VerifiedToken
from sessiond_server.service.upstream_refresh import UpstreamRefresh
from sessiond_server.service.validation import Validation

# A log entry outlives every token that it can hit, and a reader that was away for less than a day.
_MIN_ENTRY_LIFE: Final = timedelta(hours=24)
_HOLDER_BYTES: Final = 16
# How long a call without a deadline waits for another's exchange, and how often it looks.
_PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class BySession:
    """One session, by its id."""

    session: SessionId


@dataclass(frozen=True, slots=True, repr=False)
class ByRefreshToken:
    """The session of a refresh token of any generation."""

    token: str


@dataclass(frozen=True, slots=True, repr=False)
class ByAccessToken:
    """The session of an access token, expired or not."""

    token: bytes


@dataclass(frozen=True, slots=True)
class BySubject:
    """Every session of a subject, but for `spared`."""

    issuer: str
    subject: str
    spared: SessionId | None


Target: TypeAlias = BySession | ByRefreshToken | ByAccessToken | BySubject


@dataclass(frozen=True, slots=True)
class Device:
    """What a login or a refresh says beside its tokens."""

    client: Client
    attributes: tuple[tuple[str, str], ...] = ()


class Sessions:
    """Sessions of the local issuer and of providers. `policies` are those of all issuers, `lifetimes` of those with sessions."""

    def __init__(
        self,
        store: SessionStore,
        *,
        local: LocalLogins | None,
        providers: Providers,
        upstream: UpstreamRefresh,
        policies: Mapping[str, IssuerPolicy],
        lifetimes: Mapping[str, Lifetimes],
        peppers: Peppers,
        validation: Validation,
        revocations: Revocations,
        clock: Clock,
        randomness: Callable[[int], bytes],
        log: Log,
    ) -> None:
        self._store = store
        self._local = local
        self._providers = providers
        self._upstream = upstream
        self._lifetimes = lifetimes
        self._peppers = peppers
        self._validation = validation
        self._revocations = revocations
        self._clock = clock
        self._randomness = randomness
        self._log = log
        self._entry_life_ms = _milliseconds(_MIN_ENTRY_LIFE + max(map(_longest_token_life, policies.values())))
        self._mark_life_ms = max((one.absolute_ms for one in lifetimes.values()), default=0)

    async def create_local(self, login: Login, *, caller: Caller) -> Opened:
        """Open a session for a login that the caller vouches for; an empty client and empty audiences mean the issuer's own.

        Raises:
            FieldInvalidError: there is no local issuer, or the login claims what it may not, or its token would not be one that
                this service accepts.
        """
        if self._local is None:
            raise FieldInvalidError("local_login", found="a login", allowed="nothing: no local issuer is configured")
        login = self._local.complete(login)
        caller.require_session(login.issuer, login.client_id)
        session = self._new_id(login)
        self._local.rehearse(session, login)
        stored, token = await self._store_new(session, login, None)
        text, claims = self._local.access_token(stored)
        return Opened(text, claims, token.reveal(), stored.refresh_expire_ms, replayed=False)

    async def create_from_tokens(self, given: GivenTokens, device: Device, *, caller: Caller, field: str) -> Opened:
        """Open a session for a login at a provider, whose tokens the caller has; raises as `Providers.prove` does."""
        caller.require_issuer(given.issuer)
        proven = await self._providers.prove(given, field=field)
        login = replace(proven.login, client=device.client, attributes=device.attributes)
        caller.require_session(login.issuer, login.client_id)
        stored, token = await self._store_new(self._new_id(login), login, proven.tokens)
        claims = replace(proven.claims, session_id=str(stored.id))
        return Opened(given.access_token, claims, token.reveal(), stored.refresh_expire_ms, replayed=False)

    async def create_from_code(self, given: GivenCode, device: Device, *, caller: Caller) -> Opened:
        """Open a session for a login at a provider, whose code the caller has; raises as `Providers.redeem` and `prove` do."""
        caller.require_issuer(given.issuer)
        tokens = await self._providers.redeem(given)
        return await self.create_from_tokens(tokens, device, caller=caller, field="authorization_code")

    async def refresh(self, presented: str, *, caller: Caller, client: Client, patience_seconds: float | None) -> Opened:
        """Spend a refresh token; the same call again within the grace gets the same successor.

        Where another call is at the provider with the session, it is waited for: as long as the caller has time.

        Raises:
            RefreshRefusedError: the token opens nothing, for the reason that it names.
            CallerNotPermittedError: the session is of an issuer or client that is not this caller's; nothing changes.
            PepperMissingError: it is, or its successor would be, under a pepper that this server cannot read.
            UpstreamUnavailableError: the provider did not decide, or another call was with it for too long.
        """
        token = await self._recognise(presented)
        if token is None:
            raise RefreshRefusedError(RefreshRefusal.INVALID)
        await self._require_session(token.session, caller)
        rotation = self._rotation(token, caller=caller.name, client=client)
        rotated = await self._rotate(rotation, token, patience_seconds=patience_seconds)
        pepper = self._peppers.find(rotated.pepper_id)
        if pepper is None:
            self._log.error("a session was rotated under a pepper that this server cannot read")
            raise PepperMissingError
        successor = token.successor(pepper=pepper, step=rotated.step)
        return await self._reopen(rotated, successor)

    async def revoke(self, target: Target, *, cause: Cause, caller: Caller) -> Revoked:
        """End what `target` names; when it returns, it is stored, and this server knows it.

        What is unknown or ended already counts 0 (RFC 7009 §2.2), and for a token that is not authentic nothing is written.

        Raises:
            FieldInvalidError: the subject's issuer is not configured, or the spared session is not the subject's.
            CallerNotPermittedError: it is of an issuer or client that is not this caller's; nothing changes.
        """
        match target:
            case BySession(session=session):
                return await self._end(session, cause=cause, caller=caller)
            case ByRefreshToken(token=token):
                presented = await self._recognise(token)
                return await self._end(presented.session if presented else None, cause=cause, caller=caller)
            case ByAccessToken(token=access_token):
                return await self._end_by_access_token(access_token, cause=cause, caller=caller)
            case BySubject():
                return await self._end_subject(target, cause=cause, caller=caller)
            case _ as never:
                assert_never(never)

    async def get(self, session: SessionId, *, caller: Caller) -> StoredSession:
        """A live session; raises `SessionNotFoundError`, and `CallerNotPermittedError` where it is not this caller's."""
        found = await self._store.get(session)
        if found is None:
            raise SessionNotFoundError
        caller.require_session(found.login.issuer, found.login.client_id)
        return found

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None, caller: Caller) -> SessionPage:
        """The live sessions of a subject, newest first; of other clients than this caller's nothing is shown."""
        self._check_issuer(issuer, caller)
        page = await self._store.list(issuer, subject, limit=limit, after=after)
        shown = (one for one in page.sessions if caller.client_ids is None or one.login.client_id in caller.client_ids)
        return replace(page, sessions=tuple(shown))

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

    def _check_issuer(self, issuer: str, caller: Caller) -> None:
        if issuer not in self._lifetimes:
            raise FieldInvalidError("subject.issuer", found=quoted(issuer), allowed=", ".join(sorted(self._lifetimes)))
        caller.require_issuer(issuer)

    async def _require_session(self, session: SessionId, caller: Caller) -> None:
        """Look before anything changes, where the caller may not handle all sessions; the script refuses unknown ones."""
        found = await self._store.get(session) if caller.is_restricted else None
        if found is not None:
            caller.require_session(found.login.issuer, found.login.client_id)

    async def _end(self, session: SessionId | None, *, cause: Cause, caller: Caller) -> Revoked:
        if session is None:
            return Revoked(self._revocations.revision, sessions_ended=0)
        await self._require_session(session, caller)
        return self._revoked(await self._store.end(session, cause=cause, entry_life_ms=self._entry_life_ms))

    async def _end_by_access_token(self, token: bytes, *, cause: Cause, caller: Caller) -> Revoked:
        verified = await self._validation.authenticate(token)
        if verified is None:
            return await self._end(None, cause=cause, caller=caller)
        caller.require_session(verified.claims.issuer, verified.claims.client_id)
        if verified.policy.is_local:
            return await self._end(SessionId.find(verified.claims.session_id or ""), cause=cause, caller=caller)
        return await self._end_provider(verified, cause=cause)

    async def _end_provider(self, verified: VerifiedToken, *, cause: Cause) -> Revoked:
        claims = verified.claims
        ended = await self._store.end_provider(
            claims.issuer,
            claims.subject,
            provider_session=claims.provider_session_id,
            token_id=claims.token_id,
            cause=cause,
            entry_life_ms=self._entry_life_ms,
        )
        return self._revoked(ended)

    async def _end_subject(self, target: BySubject, *, cause: Cause, caller: Caller) -> Revoked:
        self._check_issuer(target.issuer, caller)
        ended = await self._store.end_subject(
            target.issuer,
            target.subject,
            spared=target.spared,
            cause=cause,
            mark_life_ms=self._mark_life_ms,
            entry_life_ms=self._entry_life_ms,
        )
        return self._revoked(ended)

    async def _recognise(self, presented: str) -> RefreshToken | None:
        token = self._peppers.recognise(presented)
        if not isinstance(token, UnknownPepper):
            return token
        # The pepper id is the bearer's word; only if the record says the same is a pepper missing here.
        if await self._store.pepper_id_of(token.session) == token.pepper_id:
            self._log.error("a refresh token is under a pepper that this server cannot read")
            raise PepperMissingError
        return None

    def _rotation(self, token: RefreshToken, *, caller: str, client: Client) -> Rotation:
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
        )

    def _refuse(self, outcome: NotRotated, token: RefreshToken) -> NoReturn:
        if outcome.logged:
            self._revocations.apply_own(outcome.logged)
        if outcome.refusal is RefreshRefusal.REUSED:
            self._log.warning("a refresh token was reused, its session has been ended", session_id=str(token.session))
        raise RefreshRefusedError(outcome.refusal)

    def _revoked(self, ended: Ended) -> Revoked:
        self._revocations.apply_own(ended.logged)
        return Revoked(to_revision([ended.logged.position]), ended.count)


def _longest_token_life(policy: IssuerPolicy) -> timedelta:
    return policy.max_lifetime + policy.leeway + policy.clock_skew


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
