"""The configured issuers as the services know them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from sessiond_server.adapters.http.client_credentials import ClientCredentials
from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Outbound, TraceRequest
from sessiond_server.adapters.http.token_endpoint import HttpTokenEndpoint
from sessiond_server.adapters.jwt.jwk import KeySetMalformedError, load_key_set
from sessiond_server.adapters.jwt.local_issuer import LocalIssuer, SigningKey
from sessiond_server.app.client_credentials import (
    ClientSecrets,
    can_hold_sessions,
    clients_of,
    credentials_of,
)
from sessiond_server.config.client_settings import MORE, ROTATING, STATIC
from sessiond_server.config.settings import IssuerSettings, SessionSettings, Settings
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.session import IssuerLifetimes, Lifetimes
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.logins import Provider
from sessiond_server.service.providers.profile import RefreshProfile
from sessiond_server.service.providers.refresh_ahead import AheadOfNeed
from sessiond_server.service.providers.token_endpoint import TokenEndpoint
from sessiond_server.service.storage.key_sets import SharedKeySet
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer
from sessiond_server.service.validation.key_refresh import KeyRefresh
from sessiond_server.service.validation.key_source import ReadKeySet
from sessiond_server.service.validation.keys import VerificationKey
from sessiond_server.service.validation.remote_keys import RemoteKeySet
from sessiond_server.service.validation.signed import TrustedIssuer

AnyIssuerSettings: TypeAlias = IssuerSettings | WorkloadIssuerSettings
ShareKeySet: TypeAlias = Callable[[AnyIssuerSettings], SharedKeySet]


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A configured issuer other than the local one; `provider` is None where it can hold no sessions."""

    settings: IssuerSettings
    policy: IssuerPolicy
    outbound: Outbound
    documents: IssuerDocuments
    key_set: RemoteKeySet
    credentials: tuple[ClientCredentials, ...]
    shared: SharedKeySet
    refresh: KeyRefresh
    provider: Provider | None

    @property
    def trusted(self) -> TrustedIssuer:
        """It, as validation knows it."""
        return TrustedIssuer(self.policy, self.key_set)


@dataclass(frozen=True, slots=True)
class ConfiguredLocalIssuer:
    """The local issuer."""

    settings: IssuerSettings
    policy: IssuerPolicy
    minter: LocalIssuer
    lifetimes: IssuerLifetimes

    @property
    def trusted(self) -> TrustedIssuer:
        """It, as validation knows it."""
        return TrustedIssuer(self.policy, self.minter.key_set)


def find_local_issuer(settings: Settings, keys: tuple[SigningKey, ...]) -> ConfiguredLocalIssuer | None:
    """The local issuer with its keys; None where none is configured."""
    for one in settings.issuers:
        if one.is_local:
            minter = LocalIssuer(keys, access_lifetime=settings.sessions.access_lifetime)
            policy, lifetimes = to_policy(one, minter.algorithms), _lifetimes(one, settings.sessions)
            return ConfiguredLocalIssuer(one, policy, minter, lifetimes)
    return None


async def open_providers(
    settings: Settings,
    *,
    secrets: ClientSecrets,
    share: ShareKeySet,
    stack: AsyncExitStack,
    clock: Clock,
    telemetry: Telemetry,
    logger: Logger,
    tracer: Tracer | None = None,
) -> tuple[ConfiguredProvider, ...]:
    """Open the configured issuers other than the local one.

    Each gets an outbound connection of its own, which `stack` closes.
    """
    return tuple(
        [
            await _open_provider(
                one,
                settings.sessions,
                secrets=secrets,
                share=share,
                stack=stack,
                clock=clock,
                telemetry=telemetry,
                logger=logger,
                tracer=tracer,
            )
            for one in settings.issuers
            if not one.is_local
        ]
    )


async def _open_provider(
    settings: IssuerSettings,
    sessions: SessionSettings,
    *,
    secrets: ClientSecrets,
    share: ShareKeySet,
    stack: AsyncExitStack,
    clock: Clock,
    telemetry: Telemetry,
    logger: Logger,
    tracer: Tracer | None,
) -> ConfiguredProvider:
    outbound, documents = await open_documents(settings, stack, logger=logger, tracer=tracer)
    policy = to_policy(settings, frozenset(settings.algorithms))
    shared = share(settings)
    key_set = RemoteKeySet(
        settings.issuer,
        documents.key_set,
        read=key_set_reader(policy, logger=logger),
        max_stale=settings.max_stale,
        clock=clock,
        logger=logger,
        telemetry=telemetry,
        shared=shared,
    )
    refresh = KeyRefresh(key_set, shared, clock=clock, jitter=random.random)
    show_key_set(key_set, settings.issuer, telemetry)
    credentials = credentials_of(settings, secrets, clock=clock)
    endpoints = {
        one.client_id: HttpTokenEndpoint(
            settings.issuer, documents, outbound, one, telemetry=telemetry, logger=logger
        )
        for one in credentials
    }
    public = frozenset(one.client_id for one in credentials if one.is_public)
    provider = _provider(settings, sessions, policy, endpoints, public_clients=public) if endpoints else None
    return ConfiguredProvider(
        settings, policy, outbound, documents, key_set, credentials, shared, refresh, provider
    )


def show_key_set(key_set: RemoteKeySet, issuer: str, telemetry: Telemetry, *, prefix: str = "") -> None:
    """Show how old an issuer's keys are, and what they were asked for; names begin with `prefix`."""
    for name, meaning, count in (
        ("key_set_unknown_ids_total", "Tokens whose key is not in the set", lambda: key_set.unknown_ids),
        (
            "key_set_unasked_ids_total",
            "Tokens whose key the issuer was not asked for, because too many were made up",
            lambda: key_set.unasked_ids,
        ),
    ):
        telemetry.counter(f"{prefix}{name}", meaning, count, issuer=issuer)
    for name, meaning, read in (
        ("key_set_age_seconds", "Age of an issuer's keys; -1 before the first", lambda: key_set.age_seconds),
        (
            "key_set_max_stale_seconds",
            "How old an issuer's keys may be for its tokens to be accepted",
            lambda: key_set.max_stale_seconds,
        ),
        (
            "key_set_order_timestamp_seconds",
            "The last order to fetch an issuer's keys anew that was carried out here; 0 for none",
            lambda: key_set.carried_out,
        ),
    ):
        telemetry.gauge(f"{prefix}{name}", meaning, read, issuer=issuer)


async def open_documents(
    settings: IssuerSettings, stack: AsyncExitStack, *, logger: Logger, tracer: Tracer | None = None
) -> tuple[Outbound, IssuerDocuments]:
    """A provider's way out, which `stack` closes, and what it publishes."""
    outbound = Outbound(
        allow_http=settings.allow_http,
        allowed_networks=settings.allowed_networks,
        logger=logger,
        trace=trace_of(settings, tracer),
    )
    await stack.enter_async_context(outbound)
    documents = IssuerDocuments(
        settings.issuer,
        outbound,
        jwks_url=settings.jwks_url,
        addresses={"token_endpoint": settings.token_url, "revocation_endpoint": settings.revocation_url},
        discovery=settings.discovery,
    )
    return outbound, documents


def trace_of(settings: AnyIssuerSettings, tracer: Tracer | None) -> TraceRequest | None:
    """What traces requests to an issuer, where calls are traced."""
    return partial(tracer.request, issuer=settings.issuer) if tracer else None


def key_set_reader(policy: IssuerPolicy, *, logger: Logger) -> ReadKeySet:
    """A function that makes keys of a JWK set, each bound to one of the algorithms allowed for the issuer."""

    def read(document: bytes) -> Mapping[str, VerificationKey] | None:
        try:
            return load_key_set(document, algorithms=policy.algorithms, uses=policy.key_uses, logger=logger)
        except KeySetMalformedError:
            return None

    return read


def reuse_above_ms(issuers: Iterable[IssuerSettings]) -> dict[str, int]:
    """How much life each issuer's access tokens must have left to be handed out again."""
    return {one.issuer: _milliseconds(one.reuse_access_token_above) for one in issuers}


def ahead_of_need(
    issuers: Iterable[IssuerSettings], lifetimes: Mapping[str, IssuerLifetimes]
) -> dict[str, AheadOfNeed]:
    """The issuers whose access tokens are exchanged before they end, and how long before."""
    return {
        one.issuer: AheadOfNeed(
            one.refresh_ahead.total_seconds(), lifetimes[one.issuer].longest.grace_ms / 1000
        )
        for one in issuers
        if one.refresh_ahead and one.issuer in lifetimes
    }


def client_ids(settings: IssuerSettings) -> frozenset[str]:
    """Our clients at an issuer: those whose tokens may open a session."""
    return frozenset(name for _, (_, name), _ in clients_of((settings,)) if can_hold_sessions(settings))


def _provider(
    settings: IssuerSettings,
    sessions: SessionSettings,
    policy: IssuerPolicy,
    endpoints: Mapping[str, TokenEndpoint],
    *,
    public_clients: frozenset[str],
) -> Provider:
    return Provider(
        policy=policy,
        lifetimes=_lifetimes(settings, sessions),
        client_id=settings.client_id or "",
        redirect_uris=frozenset(settings.redirect_uris),
        endpoints=endpoints,
        profile=_profile(settings),
        adopts=settings.adopt,
        public_clients=public_clients,
    )


def _profile(settings: IssuerSettings) -> RefreshProfile:
    return RefreshProfile(
        renews=settings.rotation != STATIC,
        spends=settings.rotation == ROTATING,
        grace_ms=_milliseconds(settings.rotation_grace),
        replay_ends_more=settings.rotation_collateral == MORE,
        ends_in_doubt=settings.in_doubt == "end",
    )


def token_types(settings: AnyIssuerSettings) -> frozenset[str | None]:
    """The accepted `typ`s of an issuer's tokens, None for a header without one."""
    return frozenset(None if name == "absent" else name for name in settings.token_types)


def to_policy(settings: IssuerSettings, algorithms: frozenset[str]) -> IssuerPolicy:
    """What an issuer's settings require of its tokens."""
    claims = settings.claims
    return IssuerPolicy(
        issuer=settings.issuer,
        audiences=frozenset(settings.audiences),
        algorithms=algorithms,
        token_types=token_types(settings),
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


def _lifetimes(settings: IssuerSettings, sessions: SessionSettings) -> IssuerLifetimes:
    absolute = settings.absolute or sessions.absolute
    longest = Lifetimes(
        absolute_ms=_milliseconds(absolute),
        idle_ms=_milliseconds(min(settings.idle or sessions.idle, absolute)),
        grace_ms=_milliseconds(sessions.grace if settings.grace is None else settings.grace),
    )
    by_tenant = {
        one.tenant: longest.at_most(
            absolute_ms=None if one.absolute is None else _milliseconds(one.absolute),
            idle_ms=None if one.idle is None else _milliseconds(one.idle),
        )
        for one in settings.tenant_lifetimes
    }
    return IssuerLifetimes(longest, by_tenant)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
