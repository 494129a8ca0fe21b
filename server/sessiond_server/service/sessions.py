"""Opens, refreshes, ends and shows sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, NoReturn, TypeAlias, assert_never

from sessiond_server.domain.claims import RESERVED_CLAIMS, Claims, read_claims
from sessiond_server.domain.failures import (
    FieldInvalidError,
    PepperMissingError,
    RefreshRefusal,
    RefreshRefusedError,
    SessionNotFoundError,
    quoted,
)
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.refresh_token import SECRET_BYTES, STEP_BYTES, Peppers, RefreshToken, UnknownPepper
from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause, Client, Lifetimes, Login, StoredSession
from sessiond_server.domain.token import JsonObject
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.clock import Clock
from sessiond_server.service.keys import TokenMinter
from sessiond_server.service.log import Log
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.session_store import (
    Ended,
    NewSession,
    NotRotated,
    Rotation,
    SessionCursor,
    SessionPage,
    SessionStore,
)
from sessiond_server.service.validation import Validation

# A log entry outlives every token that it can hit, and a reader that was away for less than a day.
_MIN_ENTRY_LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """What a login or a refresh gives out; times are seconds (`access_expire`) and milliseconds since 1970."""

    access_token: str
    claims: Claims
    refresh_token: str
    refresh_expire_ms: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation did: a revision at which it is known, and how many live sessions it ended."""

    revision: str
    sessions_ended: int


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


class Sessions:
    """Sessions of the local issuer."""

    def __init__(
        self,
        store: SessionStore,
        *,
        policy: IssuerPolicy,
        lifetimes: Lifetimes,
        default_client: str,
        minter: TokenMinter,
        peppers: Peppers,
        validation: Validation,
        revocations: Revocations,
        read_object: Callable[[str], JsonObject | None],
        clock: Clock,
        max_token_bytes: int,
        randomness: Callable[[int], bytes],
        log: Log,
    ) -> None:
        self._store = store
        self._policy = policy
        self._lifetimes = lifetimes
        self._default_client = default_client
        self._minter = minter
        self._peppers = peppers
        self._validation = validation
        self._revocations = revocations
        self._read_object = read_object
        self._clock = clock
        self._max_token_bytes = max_token_bytes
        self._randomness = randomness
        self._log = log
        self._entry_life_ms = _milliseconds(_MIN_ENTRY_LIFE + policy.max_lifetime + policy.leeway + policy.clock_skew)

    @property
    def issuer(self) -> str:
        """The local issuer, at which logins take place."""
        return self._policy.issuer

    async def create(self, login: Login) -> Opened:
        """Open a session for a login that the caller vouches for; an empty client and empty audiences mean the issuer's own.

        Raises:
            FieldInvalidError: the login claims what it may not, or its token would not be one that this service accepts.
        """
        login = self._completed(login)
        pepper = self._peppers.newest
        session = SessionId.mint(login.issuer, login.subject, randomness=self._randomness(SESSION_ID_BYTES))
        token = RefreshToken(pepper, session, generation=0, secret=self._randomness(SECRET_BYTES))
        self._check_token(session, login)
        created = await self._store.create(
            NewSession(session, login, self._lifetimes, pepper.id, token.secret_hash, self._entry_life_ms)
        )
        self._revocations.apply_own(created.logged)
        return self._open(created.session, token, replayed=False)

    async def refresh(self, presented: str, *, caller: str, client: Client) -> Opened:
        """Spend a refresh token; the same call again within the grace gets the same successor.

        Raises:
            RefreshRefusedError: the token opens nothing, for the reason that it names.
            PepperMissingError: it is, or its successor would be, under a pepper that this server cannot read.
        """
        token = await self._recognise(presented)
        if token is None:
            raise RefreshRefusedError(RefreshRefusal.INVALID)
        outcome = await self._store.rotate(self._rotation(token, caller=caller, client=client))
        if isinstance(outcome, NotRotated):
            self._refuse(outcome, token)
        pepper = self._peppers.find(outcome.pepper_id)
        if pepper is None:
            self._log.error("a session was rotated under a pepper that this server cannot read")
            raise PepperMissingError
        successor = token.successor(pepper=pepper, step=outcome.step)
        return self._open(outcome.session, successor, replayed=outcome.replayed)

    async def revoke(self, target: Target, *, cause: Cause) -> Revoked:
        """End what `target` names; when it returns, it is stored, and this server knows it.

        What is unknown or ended already counts 0 (RFC 7009 §2.2), and for a token that is not authentic nothing is written.

        Raises:
            FieldInvalidError: the subject's issuer is not configured, or the spared session is not the subject's.
        """
        match target:
            case BySession(session=session):
                return await self._end(session, cause=cause)
            case ByRefreshToken(token=token):
                presented = await self._recognise(token)
                return await self._end(presented.session if presented else None, cause=cause)
            case ByAccessToken(token=access_token):
                verified = await self._validation.authenticate(access_token)
                return await self._end(SessionId.find(verified.claims.session_id or "") if verified else None, cause=cause)
            case BySubject():
                return await self._end_subject(target, cause=cause)
            case _ as never:
                assert_never(never)

    async def get(self, session: SessionId) -> StoredSession:
        """A live session; raises `SessionNotFoundError`."""
        found = await self._store.get(session)
        if found is None:
            raise SessionNotFoundError
        return found

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None) -> SessionPage:
        """The live sessions of a subject, newest first."""
        self._check_issuer(issuer)
        return await self._store.list(issuer, subject, limit=limit, after=after)

    def _check_issuer(self, issuer: str) -> None:
        if issuer != self._policy.issuer:
            raise FieldInvalidError("subject.issuer", found=quoted(issuer), allowed=self._policy.issuer)

    async def _end(self, session: SessionId | None, *, cause: Cause) -> Revoked:
        if session is None:
            return Revoked(self._revocations.revision, sessions_ended=0)
        return self._revoked(await self._store.end(session, cause=cause, entry_life_ms=self._entry_life_ms))

    async def _end_subject(self, target: BySubject, *, cause: Cause) -> Revoked:
        self._check_issuer(target.issuer)
        ended = await self._store.end_subject(
            target.issuer,
            target.subject,
            spared=target.spared,
            cause=cause,
            mark_life_ms=self._lifetimes.absolute_ms,
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
        )

    def _refuse(self, outcome: NotRotated, token: RefreshToken) -> NoReturn:
        if outcome.logged:
            self._revocations.apply_own(outcome.logged)
        if outcome.refusal is RefreshRefusal.REUSED:
            self._log.warning("a refresh token was reused, its session has been ended", session_id=str(token.session))
        raise RefreshRefusedError(outcome.refusal)

    def _open(self, session: StoredSession, token: RefreshToken, *, replayed: bool) -> Opened:
        minted = self._minter.mint(session)
        claims = read_claims(minted.parsed, self._policy)
        if isinstance(claims, Rejected):
            raise TypeError("the local issuer's policy refuses what the local issuer mints")
        return Opened(minted.text, claims, token.reveal(), session.refresh_expire_ms, replayed)

    def _completed(self, login: Login) -> Login:
        foreign = set(login.audiences) - self._policy.audiences
        if foreign:
            allowed = ", ".join(sorted(self._policy.audiences))
            raise FieldInvalidError("local_login.audiences", found=quoted(min(foreign)), allowed=allowed)
        if login.auth_time is not None and login.auth_time > self._clock.now() + self._policy.clock_skew.total_seconds():
            raise FieldInvalidError("local_login.auth_time", found="a time in the future", allowed="a time that has passed")
        self._check_further_claims(login.claims_json)
        return replace(
            login,
            client_id=login.client_id or self._default_client,
            audiences=login.audiences or tuple(sorted(self._policy.audiences)),
        )

    def _check_further_claims(self, claims_json: str) -> None:
        if not claims_json:
            return
        claims = self._read_object(claims_json)
        if claims is None:
            found = f"{len(claims_json)} characters that are not one"
            raise FieldInvalidError("local_login.claims_json", found=found, allowed="a JSON object without duplicate names")
        reserved = RESERVED_CLAIMS.intersection(claims)
        if reserved:
            allowed = f"names other than {', '.join(sorted(RESERVED_CLAIMS))}"
            raise FieldInvalidError("local_login.claims_json", found=min(reserved), allowed=allowed)

    def _check_token(self, session: SessionId, login: Login) -> None:
        """Refuse before anything is stored what could not be validated afterwards."""
        now_ms, absolute_ms = int(self._clock.now() * 1000), self._lifetimes.absolute_ms
        rehearsal = StoredSession(session, login, 0, now_ms, now_ms, now_ms + absolute_ms, now_ms + absolute_ms)
        minted = self._minter.mint(rehearsal)
        if len(minted.text) > self._max_token_bytes:
            raise FieldInvalidError(
                "local_login",
                found=f"claims that make an access token of {len(minted.text)} bytes",
                allowed=f"an access token of at most {self._max_token_bytes} bytes",
            )
        rejected = read_claims(minted.parsed, self._policy)
        if isinstance(rejected, Rejected):
            raise FieldInvalidError("local_login.claims_json", found=rejected.message, allowed="claims of their specified form")

    def _revoked(self, ended: Ended) -> Revoked:
        self._revocations.apply_own(ended.logged)
        return Revoked(to_revision([ended.logged.position]), ended.count)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
