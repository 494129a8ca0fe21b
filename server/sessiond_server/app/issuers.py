"""The configured issuers as the services know them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Outbound
from sessiond_server.adapters.http.remote_key_set import RemoteKeySet, SharedKeySet
from sessiond_server.adapters.http.token_endpoint import ClientCredentials, HttpTokenEndpoint
from sessiond_server.adapters.jwt.local_issuer import LocalIssuer, SigningKey
from sessiond_server.config.settings import IssuerSettings, SessionSettings, Settings
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.session import Lifetimes
from sessiond_server.service.clock import Clock
from sessiond_server.service.log import Log
from sessiond_server.service.providers import Provider
from sessiond_server.service.validation import TrustedIssuer
from sessiond_server.transport.metrics import Metrics

_ABSENT = "absent"
ShareKeySet: TypeAlias = Callable[[IssuerSettings], SharedKeySet]


@dataclass(frozen=True, slots=True)
class RemoteIssuer:
    """An issuer elsewhere; `provider` is there where it can hold sessions."""

    settings: IssuerSettings
    policy: IssuerPolicy
    key_set: RemoteKeySet
    provider: Provider | None

    @property
    def trusted(self) -> TrustedIssuer:
        """It, as validation knows it."""
        return TrustedIssuer(self.policy, self.key_set)


@dataclass(frozen=True, slots=True)
class OwnIssuer:
    """The local issuer."""

    settings: IssuerSettings
    policy: IssuerPolicy
    minter: LocalIssuer
    lifetimes: Lifetimes

    @property
    def trusted(self) -> TrustedIssuer:
        """It, as validation knows it."""
        return TrustedIssuer(self.policy, self.minter.key_set)


def own_issuer(settings: IssuerSettings, sessions: SessionSettings, keys: tuple[SigningKey, ...]) -> OwnIssuer:
    """The local issuer, with its keys."""
    minter = LocalIssuer(keys, access_lifetime=sessions.access_lifetime)
    return OwnIssuer(settings, to_policy(settings, minter.algorithms), minter, _lifetimes(settings, sessions))


async def remote_issuers(
    settings: Settings,
    *,
    secrets: Mapping[str, str],
    share: ShareKeySet,
    stack: AsyncExitStack,
    clock: Clock,
    metrics: Metrics,
    log: Log,
) -> tuple[RemoteIssuer, ...]:
    """The issuers elsewhere, each with a way to it of its own that `stack` closes; `secrets` are ours there, by issuer."""
    return tuple(
        [
            await _remote_issuer(
                one,
                settings.sessions,
                secret=secrets.get(one.issuer),
                share=share,
                stack=stack,
                clock=clock,
                metrics=metrics,
                log=log,
            )
            for one in settings.issuers
            if not one.is_local
        ]
    )


async def _remote_issuer(
    settings: IssuerSettings,
    sessions: SessionSettings,
    *,
    secret: str | None,
    share: ShareKeySet,
    stack: AsyncExitStack,
    clock: Clock,
    metrics: Metrics,
    log: Log,
) -> RemoteIssuer:
    outbound = Outbound(allow_http=settings.allow_http, allowed_networks=settings.allowed_networks, log=log)
    await stack.enter_async_context(outbound)
    documents = IssuerDocuments(
        settings.issuer,
        outbound,
        jwks_url=settings.jwks_url,
        addresses={"token_endpoint": settings.token_url, "revocation_endpoint": settings.revocation_url},
        discovery=settings.discovery,
    )
    policy = to_policy(settings, frozenset(settings.algorithms))
    key_set = RemoteKeySet(
        settings.issuer,
        documents.key_set,
        algorithms=settings.algorithms,
        max_stale=settings.max_stale,
        clock=clock,
        log=log,
        jitter=random.random,
        count=lambda outcome: metrics.observe_fetch(settings.issuer, outcome),
        shared=share(settings),
    )
    metrics.watch_key_set(settings.issuer, read_age=lambda: key_set.age_seconds, read_unknown=lambda: key_set.unknown_ids)
    endpoint = _endpoint(settings, documents, outbound, secret=secret, log=log)
    provider = _provider(settings, sessions, policy, endpoint) if endpoint else None
    return RemoteIssuer(settings, policy, key_set, provider)


def reuse_above_ms(issuers: Iterable[IssuerSettings]) -> dict[str, int]:
    """How much life each issuer's access tokens must have left to be handed out again."""
    return {one.issuer: _milliseconds(one.reuse_access_token_above) for one in issuers}


def _endpoint(
    settings: IssuerSettings, documents: IssuerDocuments, outbound: Outbound, *, secret: str | None, log: Log
) -> HttpTokenEndpoint | None:
    if not settings.client_id or not (settings.token_url or settings.discovery):
        return None
    credentials = ClientCredentials(settings.client_id, secret, uses_basic=settings.client_auth == "basic")
    return HttpTokenEndpoint(settings.issuer, documents, outbound, credentials, log=log)


def _provider(settings: IssuerSettings, sessions: SessionSettings, policy: IssuerPolicy, endpoint: HttpTokenEndpoint) -> Provider:
    client_id = settings.client_id or ""
    return Provider(
        policy=policy,
        lifetimes=_lifetimes(settings, sessions),
        client_id=client_id,
        clients=frozenset(settings.clients or (client_id,)),
        redirect_uris=frozenset(settings.redirect_uris),
        endpoint=endpoint,
        ends_in_doubt=settings.in_doubt == "end",
    )


def to_policy(settings: IssuerSettings, algorithms: frozenset[str]) -> IssuerPolicy:
    """What an issuer's settings require of its tokens."""
    claims = settings.claims
    return IssuerPolicy(
        issuer=settings.issuer,
        audiences=frozenset(settings.audiences),
        algorithms=algorithms,
        token_types=frozenset(None if name == _ABSENT else name for name in settings.token_types),
        required_claims=settings.required_claims,
        leeway=settings.leeway,
        clock_skew=settings.clock_skew,
        max_lifetime=settings.max_token_lifetime,
        claims=ClaimMapping(
            audience=claims.audience,
            token_id=claims.token_id,
            client=claims.client,
            tenant=claims.tenant,
            provider_session=claims.session,
            scopes=claims.scopes,
            permissions=claims.permissions,
            roles=claims.roles,
        ),
        tenants=None if settings.tenants is None else frozenset(settings.tenants),
        is_local=settings.is_local,
    )


def _lifetimes(settings: IssuerSettings, sessions: SessionSettings) -> Lifetimes:
    absolute = settings.absolute or sessions.absolute
    return Lifetimes(
        absolute_ms=_milliseconds(absolute),
        idle_ms=_milliseconds(min(settings.idle or sessions.idle, absolute)),
        grace_ms=_milliseconds(sessions.grace if settings.grace is None else settings.grace),
    )


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
