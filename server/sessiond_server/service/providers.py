"""Logins at providers: what their tokens must prove before they open a session, or go on with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.failures import FieldInvalidError, LoginRefusedError, UpstreamUnavailableError, quoted
from sessiond_server.domain.judge import Requirements
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.session import Lifetimes, Login
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.service.id_tokens import IdTokens
from sessiond_server.service.provider import Granted, Refused, TokenEndpoint, Undecided
from sessiond_server.service.session_store import ProviderTokens
from sessiond_server.service.validation import Validation


@dataclass(frozen=True, slots=True)
class Provider:
    """An issuer that is not ours and can hold sessions.

    `clients` are those whose access tokens may open one. `ends_in_doubt` says that a session ends where the outcome of an
    exchange is unknown, because this provider punishes a second try.
    """

    policy: IssuerPolicy
    lifetimes: Lifetimes
    client_id: str
    clients: frozenset[str]
    redirect_uris: frozenset[str]
    endpoint: TokenEndpoint
    ends_in_doubt: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class GivenTokens:
    """What a backend got from a provider."""

    issuer: str
    access_token: str
    refresh_token: str
    id_token: str = ""
    nonce: str = ""


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


class Providers:
    """The configured providers by issuer."""

    def __init__(self, providers: Iterable[Provider], *, validation: Validation, id_tokens: IdTokens) -> None:
        self._providers: Mapping[str, Provider] = {provider.policy.issuer: provider for provider in providers}
        self._validation = validation
        self._id_tokens = id_tokens

    def find(self, issuer: str) -> Provider | None:
        """The provider of this name."""
        return self._providers.get(issuer)

    async def redeem(self, given: GivenCode) -> GivenTokens:
        """Exchange an authorization code.

        Raises:
            FieldInvalidError: the issuer or the redirect address is not a configured one.
            LoginRefusedError: the provider refuses the code, or gives no refresh token for it.
            UpstreamUnavailableError: the provider does not decide; whether the code is spent is not known.
        """
        provider = self._provider(given.issuer, field="authorization_code.issuer")
        if given.redirect_uri not in provider.redirect_uris:
            allowed = ", ".join(sorted(provider.redirect_uris)) or "none: the issuer has no redirect_uris"
            raise FieldInvalidError("authorization_code.redirect_uri", found=quoted(given.redirect_uri), allowed=allowed)
        answer = await provider.endpoint.redeem(given.code, redirect_uri=given.redirect_uri, code_verifier=given.code_verifier)
        match answer:
            case Refused():
                raise LoginRefusedError("INVALID_GRANT")
            case Undecided():
                raise UpstreamUnavailableError
            case Granted(refresh_token=None):
                raise LoginRefusedError("NO_REFRESH_TOKEN")
            case Granted(access_token=access_token, refresh_token=refresh_token, id_token=id_token):
                if given.nonce and not id_token:
                    raise LoginRefusedError("NO_ID_TOKEN")
                return GivenTokens(given.issuer, access_token, refresh_token or "", id_token or "", given.nonce)

    async def prove(self, given: GivenTokens, *, field: str) -> ProvenLogin:
        """The login that tokens prove, after full validation; `field` is where the request has them.

        Raises:
            FieldInvalidError: the issuer is not a configured one that can hold sessions.
            LoginRefusedError: a token is not good, was issued to another application, or cannot be revoked by anything it says.
        """
        provider = self._provider(given.issuer, field=f"{field}.issuer")
        claims = await self._accepted(given.access_token, provider)
        if claims.client_id not in provider.clients:
            raise LoginRefusedError("CLIENT_MISMATCH")
        if claims.token_id is None and claims.provider_session_id is None:
            raise LoginRefusedError(Reason.CLAIM_MISSING.name)
        if given.id_token and not await self._id_tokens.is_for(
            given.id_token, issuer=given.issuer, client_id=provider.client_id, subject=claims.subject, nonce=given.nonce
        ):
            raise LoginRefusedError("ID_TOKEN_INVALID")
        return ProvenLogin(to_login(claims), to_tokens(given.access_token, claims, given.refresh_token), claims)

    async def continues(self, access_token: str, login: Login) -> Claims | None:
        """What an exchanged access token says, if it is good and of the very login; None where it must not be handed out.

        Raises:
            KeysUnavailableError, RevocationViewStaleError: that cannot be told now.
        """
        answer = await self._validation.validate(access_token.encode(), Requirements(issuers=frozenset({login.issuer})))
        verdict = answer.verdict
        if isinstance(verdict, Rejected):
            # A provider's clock may run ahead of ours by more than the skew: the token will be good in a moment.
            is_early = verdict.reason is Reason.NOT_YET_VALID
            found = await self._validation.authenticate(access_token.encode()) if is_early else None
            return found.claims if found and _is_of(found.claims, login) else None
        return verdict.claims if _is_of(verdict.claims, login) else None

    async def claims_of(self, access_token: str) -> Claims | None:
        """What an access token of a provider says that was found good before."""
        verified = await self._validation.authenticate(access_token.encode())
        return verified.claims if verified else None

    async def _accepted(self, access_token: str, provider: Provider) -> Claims:
        requirements = Requirements(issuers=frozenset({provider.policy.issuer}))
        verdict = (await self._validation.validate(access_token.encode(), requirements)).verdict
        if isinstance(verdict, Rejected):
            raise LoginRefusedError(verdict.reason.name)
        return verdict.claims

    def _provider(self, issuer: str, *, field: str) -> Provider:
        provider = self.find(issuer)
        if provider is None:
            allowed = ", ".join(sorted(self._providers)) or "none: no configured issuer has a client_id and a token endpoint"
            raise FieldInvalidError(field, found=quoted(issuer), allowed=allowed)
        return provider


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


def to_tokens(access_token: str, claims: Claims, refresh_token: str) -> ProviderTokens:
    """What is stored of a provider's tokens."""
    expire_ms = int(claims.expires_at * 1000)
    return ProviderTokens(access_token, expire_ms, claims.token_id, claims.provider_session_id, refresh_token)


def _is_of(claims: Claims, login: Login) -> bool:
    """Whether a token is of the same login: nothing changes whose it is, and nothing widens what it may do (RFC 9700 §4.14)."""
    same = (claims.issuer, claims.subject, claims.tenant_id, claims.client_id or "")
    return same == (login.issuer, login.subject, login.tenant_id, login.client_id) and set(claims.scopes) <= set(login.scopes)
