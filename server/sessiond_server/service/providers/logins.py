"""Logins at providers: what their tokens must prove before they open a session or continue one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.confirmation import Evidence, ProvenBefore
from sessiond_server.domain.failures import (
    Input,
    InputRefusedError,
    KeysUnavailableError,
    LoginRefusal,
    LoginRefusedError,
    ProviderUnavailableError,
    RevocationViewStaleError,
    quoted,
)
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.session import IssuerLifetimes, Login
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.service.providers.profile import RefreshProfile
from sessiond_server.service.providers.token_endpoint import Granted, NoDecision, Refused, TokenEndpoint
from sessiond_server.service.storage.sessions import ProviderTokens
from sessiond_server.service.validation.id_tokens import IdTokens
from sessiond_server.service.validation.validate import Validation

# How early, beyond the skew, a token is handed out that a provider has just given. Clocks differ by minutes
# at most (RFC 7519 §4.1.5 grants no more), and no `clock_skew` can be longer: what begins later is a mistake
# there, or a token for another day, and of no use to whoever waits for it.
_EARLY_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that can hold sessions.

    `endpoints` are its token endpoint by our clients there, each with its own credentials: those are the
    clients whose access tokens may open a session. `client_id` is the one that redeems codes, and
    `public_clients` are those that have no secret. `profile` is how it treats its refresh tokens. `adopts`
    says that refresh tokens which it gave to others may be exchanged for sessions.
    """

    policy: IssuerPolicy
    lifetimes: IssuerLifetimes
    client_id: str
    redirect_uris: frozenset[str]
    endpoints: Mapping[str, TokenEndpoint]
    profile: RefreshProfile = field(default_factory=RefreshProfile)
    adopts: bool = False
    public_clients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class GivenTokens:
    """What a backend got from a provider, or `from_issuer`: what we got there ourselves, for a code.

    `refresh_life_ms` is as in `Granted`.
    """

    issuer: str
    access_token: str
    refresh_token: str
    id_token: str = ""
    nonce: str = ""
    refresh_life_ms: int | None = None
    from_issuer: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class GivenCode:
    """An authorization code that a backend got from a provider."""

    issuer: str
    code: str
    redirect_uri: str
    code_verifier: str
    nonce: str


@dataclass(frozen=True, slots=True, repr=False)
class ProvenLogin:
    """A login that the provider's tokens prove."""

    login: Login
    tokens: ProviderTokens
    claims: Claims


@dataclass(frozen=True, slots=True)
class SomebodyElses:
    """A verified access token of another subject, tenant or client."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """An access token that cannot be handed out now; `reason` names why, as a rejection or a failure does."""

    reason: str


class Providers:
    """The configured providers by issuer."""

    def __init__(self, providers: Iterable[Provider], *, validation: Validation, id_tokens: IdTokens) -> None:
        self._providers: Mapping[str, Provider] = {provider.policy.issuer: provider for provider in providers}
        self._validation = validation
        self._id_tokens = id_tokens

    def find(self, issuer: str) -> Provider | None:
        """The provider of this name."""
        return self._providers.get(issuer)

    def endpoint_of(self, issuer: str, client_id: str) -> TokenEndpoint | None:
        """The token endpoint where this client of ours refreshes and revokes; None where we have no such."""
        provider = self.find(issuer)
        return provider.endpoints.get(client_id) if provider else None

    def require(self, issuer: str, caller: Caller) -> Provider:
        """The provider of this name, which must be one of this caller's and able to hold sessions.

        Raises:
            CallerNotPermittedError: it is not one of this caller's.
            InputRefusedError: it cannot hold sessions.
        """
        caller.require_issuer_among(
            self._providers,
            issuer,
            else_allowed="none: no issuer that the caller may use has a client_id and a token endpoint",
        )
        return self._providers[issuer]

    async def redeem(self, given: GivenCode) -> GivenTokens:
        """Exchange an authorization code; the issuer is one that `require` has let pass.

        Raises:
            InputRefusedError: the redirect address is not a configured one.
            LoginRefusedError: the provider refuses the code, or gives no refresh token for it.
            ProviderUnavailableError: the provider does not decide; whether the code is spent is not known.
        """
        provider = self._providers[given.issuer]
        if given.redirect_uri not in provider.redirect_uris:
            allowed = ", ".join(sorted(provider.redirect_uris)) or "none: the issuer has no redirect_uris"
            raise InputRefusedError(Input.REDIRECT_URI, found=quoted(given.redirect_uri), allowed=allowed)
        response = await provider.endpoints[provider.client_id].redeem(
            given.code, redirect_uri=given.redirect_uri, code_verifier=given.code_verifier
        )
        match response:
            case Refused():
                raise LoginRefusedError(LoginRefusal.INVALID_GRANT)
            case NoDecision():
                raise ProviderUnavailableError
            case Granted(refresh_token=None):
                raise LoginRefusedError(LoginRefusal.NO_REFRESH_TOKEN)
            case Granted():
                return GivenTokens(
                    given.issuer,
                    response.access_token,
                    response.refresh_token or "",
                    response.id_token or "",
                    given.nonce,
                    response.refresh_life_ms,
                    from_issuer=True,
                )

    async def prove(self, given: GivenTokens, *, proof: Evidence | None) -> ProvenLogin:
        """The login that tokens prove, after full validation; `proof` is for an access token that is bound.

        The issuer is one that `require` has let pass.

        Raises:
            LoginRefusedError: a token is not good, was issued to another application, or cannot be revoked by
                anything that it says.
            KeysUnavailableError, RevocationViewStaleError, StoreUnavailableError: that cannot be told now.
        """
        provider = self._providers[given.issuer]
        claims = await self._accepted(given, provider, proof)
        client_id = claims.client_id
        if client_id is None or client_id not in provider.endpoints:
            raise LoginRefusedError(LoginRefusal.CLIENT_MISMATCH)
        # RFC 9449 §5, RFC 8705 §4: a public client's refresh token is bound to the key of its access token.
        if claims.is_bound and client_id in provider.public_clients:
            raise LoginRefusedError(LoginRefusal.REFRESH_TOKEN_BOUND)
        if claims.token_id is None and claims.provider_session_id is None:
            raise LoginRefusedError(Reason.CLAIM_MISSING)
        if given.nonce and not given.id_token:
            raise LoginRefusedError(LoginRefusal.NO_ID_TOKEN)
        if given.id_token and not await self._id_tokens.is_for(
            given.id_token,
            issuer=given.issuer,
            client_id=client_id,
            subject=claims.subject,
            nonce=given.nonce,
            from_issuer=given.from_issuer,
        ):
            raise LoginRefusedError(LoginRefusal.ID_TOKEN_INVALID)
        return ProvenLogin(
            to_login(claims),
            to_tokens(given.access_token, claims, given.refresh_token, refresh_life_ms=given.refresh_life_ms),
            claims,
        )

    async def judge_exchanged(self, access_token: str, login: Login) -> Claims | SomebodyElses | Unfit:
        """What an exchanged access token is worth: its claims where it is good and of the very login.

        Only a verified token tells that it is somebody else's. Whatever else is wrong with it may be a slip
        in a configuration, a key set that lags or a clock: that passes, and the session must outlive it.

        A provider's clock may run ahead of ours by more than the skew: its token will be good in a moment.
        """
        requirements = Requirements(issuers=frozenset({login.issuer}), early_seconds=_EARLY_SECONDS)
        token, key = access_token.encode(), ProvenBefore(login.confirmation)
        try:
            result = await self._validation.validate(token, requirements, proof=key, from_issuer=True)
            verdict = result.verdict
            if not isinstance(verdict, Rejected):
                return verdict.claims if _is_of(verdict.claims, login) else SomebodyElses()
            verified = await self._validation.authenticate(token)
        except KeysUnavailableError:
            return Unfit("KEYS_UNAVAILABLE")
        except RevocationViewStaleError:
            return Unfit("REVOCATION_VIEW_STALE")
        if verified is None:
            return Unfit(verdict.reason.name)
        return Unfit(verdict.reason.name) if _is_of(verified.claims, login) else SomebodyElses()

    async def claims_of(self, access_token: str) -> Claims | None:
        """The claims of a provider's access token that was found good before; None where it no longer is."""
        verified = await self._validation.authenticate(access_token.encode())
        return verified.claims if verified else None

    async def claims_to_repeat(self, access_token: str) -> Claims:
        """The claims of a stored access token that is to be handed out again.

        Raises:
            KeysUnavailableError: its key has gone since it was stored: what cannot be validated is not handed
                out.
        """
        claims = await self.claims_of(access_token)
        if claims is None:
            raise KeysUnavailableError
        return claims

    async def _accepted(self, given: GivenTokens, provider: Provider, proof: Evidence | None) -> Claims:
        result = await self._validation.validate(
            given.access_token.encode(),
            Requirements(issuers=frozenset({provider.policy.issuer})),
            proof=proof,
            from_issuer=given.from_issuer,
        )
        if isinstance(result.verdict, Rejected):
            raise LoginRefusedError(result.verdict)
        return result.verdict.claims


def to_login(claims: Claims) -> Login:
    """The login that an access token tells of."""
    return Login(
        issuer=claims.issuer,
        subject=claims.subject,
        client_id=claims.client_id or "",
        tenant_id=claims.tenant_id,
        audiences=claims.audiences,
        scopes=claims.scopes,
        auth_time=None if claims.auth_time is None else int(claims.auth_time),
        acr=claims.acr,
        amr=claims.amr,
        provider_session=claims.provider_session_id,
    )


def to_tokens(
    access_token: str, claims: Claims, refresh_token: str, *, refresh_life_ms: int | None
) -> ProviderTokens:
    """What is stored of a provider's tokens."""
    return ProviderTokens(
        access_token,
        int(claims.expires_at * 1000),
        claims.token_id,
        claims.provider_session_id,
        refresh_token,
        refresh_life_ms,
    )


def widened_scopes(claims: Claims, login: Login) -> frozenset[str]:
    """The scopes of a token that its login had not: to widen them is the provider's decision."""
    return frozenset(claims.scopes) - frozenset(login.scopes)


def _is_of(claims: Claims, login: Login) -> bool:
    """Whether a token is of the same login: nothing may change whose token it is (RFC 9700 §4.14)."""
    same = (claims.issuer, claims.subject, claims.tenant_id, claims.client_id or "")
    return same == (login.issuer, login.subject, login.tenant_id, login.client_id)
