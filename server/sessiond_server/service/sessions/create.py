"""Opens sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.confirmation import Confirmation, PossessionProof, ProvenBefore
from sessiond_server.domain.failures import Failure, Input, InputRefusedError, LoginRefusedError
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.refresh_token import SECRET_BYTES, Peppers, RefreshToken
from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause, Device, IssuerLifetimes, Login, StoredSession
from sessiond_server.domain.verdict import Reason
from sessiond_server.service.audit.events import Outcome
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail, told_where_uncertain
from sessiond_server.service.providers.logins import GivenCode, GivenTokens, ProvenLogin, Providers
from sessiond_server.service.providers.refresh_ahead import RefreshAhead
from sessiond_server.service.providers.refused_logins import RefusedLogins
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.service.sessions.local_logins import LocalLogins
from sessiond_server.service.storage.sessions import NewSession, ProviderTokens, SessionStore
from sessiond_server.service.uncancelled import Uncancelled
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a login or a refresh says beside its tokens."""

    device: Device
    attributes: tuple[tuple[str, str], ...] = ()
    proof: PossessionProof | None = None


class SessionCreation:
    """Opens sessions of the local issuer and of providers; `lifetimes` are by issuer.

    `entry_life_ms` is how long an entry of the revocation log is kept.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        local: LocalLogins | None,
        providers: Providers,
        ahead: RefreshAhead,
        refused: RefusedLogins,
        possession: ProofOfPossession,
        lifetimes: Mapping[str, IssuerLifetimes],
        entry_life_ms: int,
        peppers: Peppers,
        revocations: Revocations,
        uncancelled: Uncancelled,
        audit: AuditTrail,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._local = local
        self._providers = providers
        self._ahead = ahead
        self._refused = refused
        self._possession = possession
        self._lifetimes = lifetimes
        self._entry_life_ms = entry_life_ms
        self._peppers = peppers
        self._revocations = revocations
        self._uncancelled = uncancelled
        self._audit = audit
        self._randomness = randomness

    async def from_local_login(
        self, login: Login, context: RequestContext, *, caller: Caller, origin: Origin
    ) -> IssuedTokens:
        """Open a session for a login that the caller vouches for.

        Where the login names no client or no audiences, the issuer's are taken.

        Raises:
            CallerNotPermittedError: the local issuer, or the client, is not this caller's.
            InputRefusedError: there is no local issuer, or the login says what it may not say, or its token
                would not be one that this service accepts.
            LoginRefusedError: it is to be bound to a key whose possession was not proven.
        """
        caller.require_local_issuer(self._local.issuer if self._local else None)
        if self._local is None:
            allowed = "nothing: no local issuer is configured"
            raise InputRefusedError(Input.LOCAL_LOGIN, found="a login", allowed=allowed)
        login = self._local.complete(login)
        caller.require_session(login.issuer, login.client_id)
        login = replace(login, confirmation=await self.bind(context.proof))
        token = self._first_token(self.new_id(login))
        self._local.require_mintable(token.session, login)
        stored = await self._store_new(token, login, None, origin)
        text, claims = self._local.access_token(stored)
        return IssuedTokens(text, claims, token.reveal(), stored.refresh_expire_ms, replayed=False)

    async def from_tokens(
        self, given: GivenTokens, context: RequestContext, *, caller: Caller, origin: Origin
    ) -> IssuedTokens:
        """Open a session for a login at a provider, whose tokens the caller has.

        An access token that is bound to a key needs the proof that it comes with, which names it; the session
        is then bound to that key.

        Raises `LoginRefusedError` for a proof of possession that is not good, and as `Providers.require` and
        `Providers.prove` do.
        """
        self._providers.require(given.issuer, caller)
        try:
            proven = await self._providers.prove(given, proof=context.proof)
            confirmation = proven.claims.confirmation or await self.bind(context.proof)
            return await self.open(proven, context, confirmation, caller=caller, origin=origin)
        except LoginRefusedError as refused:
            await self._refused.let_go_of_given(given, refused.why, caller=caller)
            raise

    async def from_code(
        self, given: GivenCode, context: RequestContext, *, caller: Caller, origin: Origin
    ) -> IssuedTokens:
        """Open a session for a login at a provider, whose code the caller has.

        From the redemption on it goes to its end without the caller too: a code is good once.

        Raises `LoginRefusedError` for a proof of possession that is not good, and as `Providers.require`,
        `Providers.redeem` and `Providers.prove` do.
        """
        provider = self._providers.require(given.issuer, caller)
        # A code is spent by redeeming it: whose it is comes before.
        caller.require_session(given.issuer, provider.client_id)
        confirmation = await self.bind(context.proof)
        return await self._uncancelled.run(
            self._redeem(given, context, confirmation, caller=caller, origin=origin)
        )

    async def _redeem(
        self,
        given: GivenCode,
        context: RequestContext,
        confirmation: Confirmation | None,
        *,
        caller: Caller,
        origin: Origin,
    ) -> IssuedTokens:
        tokens = await self._providers.redeem(given)
        try:
            # Nobody had the access token before: what is proven is the key that it must be bound to.
            proven = await self._providers.prove(tokens, proof=ProvenBefore(confirmation))
            return await self.open(proven, context, confirmation, caller=caller, origin=origin)
        except Failure:
            await self._refused.let_go_of_redeemed(tokens)
            raise

    async def open(
        self,
        proven: ProvenLogin,
        context: RequestContext,
        confirmation: Confirmation | None,
        *,
        caller: Caller,
        origin: Origin,
        token: RefreshToken | None = None,
    ) -> IssuedTokens:
        """Open a session for a login at a provider that has been proven.

        `token` is its first refresh token, where that is not to be a new one.

        Raises:
            CallerNotPermittedError: its client is not one of this caller's.
        """
        login = replace(
            proven.login, device=context.device, attributes=context.attributes, confirmation=confirmation
        )
        caller.require_session(login.issuer, login.client_id)
        is_adopted = token is not None
        token = token or self._first_token(self.new_id(login))
        stored = await self._store_new(token, login, proven.tokens, origin, is_adopted=is_adopted)
        self._ahead.note_use(stored.id, proven.claims)
        claims = replace(proven.claims, session_id=str(stored.id))
        return IssuedTokens(
            proven.tokens.access_token, claims, token.reveal(), stored.refresh_expire_ms, replayed=False
        )

    async def undo(self, session: SessionId, *, cause: Cause, origin: Origin) -> None:
        """End a session whose tokens nobody got."""
        ended = await self._store.end(
            session, is_proven=False, cause=cause, entry_life_ms=self._entry_life_ms
        )
        self._revocations.apply_own(ended.logged)
        revision = to_revision([ended.logged.position])
        self._audit.ended(session, ended.whose, origin, cause=cause, revision=revision)

    async def bind(self, proof: PossessionProof | None) -> Confirmation | None:
        """What a new session is bound to; the proof is spent by this.

        Raises:
            LoginRefusedError: the proof is not good, or was spent before.
        """
        if proof is None:
            return None
        proven = await self._possession.find_key(proof)
        if proven is None or not await self._possession.spend(proven):
            raise LoginRefusedError(Reason.BINDING_MISMATCH)
        return proven.confirmation

    def new_id(self, login: Login) -> SessionId:
        """The id of a session that is to be opened."""
        return SessionId.mint(login.issuer, login.subject, randomness=self._randomness(SESSION_ID_BYTES))

    def _first_token(self, session: SessionId) -> RefreshToken:
        return RefreshToken(self._peppers.newest, session, 0, self._randomness(SECRET_BYTES))

    async def _store_new(
        self,
        token: RefreshToken,
        login: Login,
        tokens: ProviderTokens | None,
        origin: Origin,
        *,
        is_adopted: bool = False,
    ) -> StoredSession:
        lifetimes, session = self._lifetimes[login.issuer].of(login.tenant_id), token.session
        new = NewSession(
            session,
            login,
            lifetimes,
            token.pepper.id,
            token.secret_hash,
            self._entry_life_ms,
            tokens,
        )
        # Whoever adopts asks until there is an answer, and tells by itself where there was none.
        uncertain = (
            nullcontext()
            if is_adopted
            else told_where_uncertain(
                lambda: self._audit.created(session, login, origin, outcome=Outcome.UNCERTAIN)
            )
        )
        with uncertain:
            created = await self._store.create(new)
        self._revocations.apply_own(created.logged)
        self._audit.created(session, login, origin, is_adopted=is_adopted)
        if created.ended:
            self._audit.limit_reached(session, login, origin, ended=created.ended)
        return created.session
