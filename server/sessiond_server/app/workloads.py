"""The configured workload issuers, and the callers that they name, as the services know them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.adapters.http.outbound import Outbound
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.adapters.secrets.key_files import KeyFileError, read_text
from sessiond_server.app.issuers import (
    ConfiguredProvider,
    ShareKeySet,
    key_set_reader,
    show_key_set,
    token_types,
    trace_of,
)
from sessiond_server.config.settings import Settings
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.service.callers import NO_WORKLOADS, KnownCaller, Workload, WorkloadTokens
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_sets import SharedKeySet
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer
from sessiond_server.service.validation.budget import Budget
from sessiond_server.service.validation.key_refresh import KeyRefresh
from sessiond_server.service.validation.remote_keys import RemoteKeySet
from sessiond_server.service.validation.signed import TrustedIssuer
from sessiond_server.service.validation.workloads import Workloads

_REQUIRED_CLAIMS: Final = ("iss", "sub", "aud", "exp")
# No client and no scope stands in the token of a workload: it says by its subject whose it is.
_CLAIMS: Final = ClaimMapping(
    client=("sub",), tenant=None, provider_session=None, scopes=(), permissions=(), roles=()
)
# Strangers may cause these, as they need no key of a caller for it: less than callers may.
_FETCHES: Final = 2
_SECONDS_A_FETCH: Final = 60.0


@dataclass(frozen=True, slots=True)
class ConfiguredWorkloadIssuer:
    """A configured workload issuer, and its keys, which are fetched apart from those of any other."""

    settings: WorkloadIssuerSettings
    policy: IssuerPolicy
    documents: IssuerDocuments
    key_set: RemoteKeySet
    shared: SharedKeySet
    refresh: KeyRefresh


# Whatever keys are fetched of.
AnyIssuer: TypeAlias = ConfiguredProvider | ConfiguredWorkloadIssuer


async def open_workload_issuers(
    settings: Settings,
    *,
    share: ShareKeySet,
    stack: AsyncExitStack,
    clock: Clock,
    telemetry: Telemetry,
    logger: Logger,
    tracer: Tracer | None = None,
) -> tuple[ConfiguredWorkloadIssuer, ...]:
    """Open the configured workload issuers; `stack` closes each one's way out."""
    return tuple(
        [
            await _open(
                one,
                share(one),
                stack=stack,
                clock=clock,
                telemetry=telemetry,
                logger=logger,
                tracer=tracer,
            )
            for one in settings.workload_issuers
        ]
    )


async def _open(
    settings: WorkloadIssuerSettings,
    shared: SharedKeySet,
    *,
    stack: AsyncExitStack,
    clock: Clock,
    telemetry: Telemetry,
    logger: Logger,
    tracer: Tracer | None,
) -> ConfiguredWorkloadIssuer:
    documents = await open_workload_documents(settings, stack, logger=logger, tracer=tracer)
    policy = to_workload_policy(settings)
    key_set = RemoteKeySet(
        settings.issuer,
        documents.key_set,
        read=key_set_reader(policy, logger=logger),
        max_stale=settings.max_stale,
        clock=clock,
        logger=logger,
        telemetry=telemetry,
        shared=shared,
        budget=Budget(clock, at_most=_FETCHES, seconds_each=_SECONDS_A_FETCH),
    )
    show_key_set(key_set, settings.issuer, telemetry, prefix="workload_")
    refresh = KeyRefresh(key_set, shared, clock=clock, jitter=random.random)
    return ConfiguredWorkloadIssuer(settings, policy, documents, key_set, shared, refresh)


async def open_workload_documents(
    settings: WorkloadIssuerSettings,
    stack: AsyncExitStack,
    *,
    logger: Logger,
    tracer: Tracer | None = None,
) -> IssuerDocuments:
    """What a workload issuer publishes; `stack` closes its way out."""
    outbound = Outbound(
        allow_http=settings.allow_http,
        allowed_networks=settings.allowed_networks,
        logger=logger,
        authorities=settings.ca_file,
        trace=trace_of(settings, tracer),
    )
    await stack.enter_async_context(outbound)
    return IssuerDocuments(
        settings.issuer,
        outbound,
        jwks_url=settings.jwks_url,
        addresses={},
        discovery=settings.discovery,
        authorization=partial(_authorization, settings.token_file, logger),
    )


def _authorization(token_file: Path | None, logger: Logger) -> str | None:
    """What the issuer wants to see; without the token it is asked all the same, and says what it thinks."""
    if token_file is None:
        return None
    try:
        return f"Bearer {read_text(token_file)}"
    except KeyFileError as error:
        logger.error("the token for a workload issuer cannot be read", why=str(error))
        return None


def to_workload_policy(settings: WorkloadIssuerSettings) -> IssuerPolicy:
    """What a workload issuer's settings require of its tokens: no leeway stretches one beyond its end."""
    return IssuerPolicy(
        issuer=settings.issuer,
        audiences=frozenset({settings.audience}),
        algorithms=frozenset(settings.algorithms),
        token_types=token_types(settings),
        required_claims=_REQUIRED_CLAIMS,
        leeway=timedelta(0),
        clock_skew=settings.clock_skew,
        max_lifetime=settings.max_token_lifetime,
        claims=_CLAIMS,
        key_uses=frozenset(settings.key_uses),
    )


def callers_of(settings: Settings) -> dict[Workload, str]:
    """The names of the callers that are known by the tokens of their workloads."""
    return {
        Workload(issuer, subject): caller.name
        for caller in settings.callers
        for issuer in settings.workload_issuers_of(caller)
        for subject in caller.workloads
    }


def workloads_of(
    issuers: Iterable[ConfiguredWorkloadIssuer],
    callers: Iterable[KnownCaller],
    *,
    max_token_bytes: int,
    clock: Clock,
    telemetry: Telemetry,
) -> WorkloadTokens:
    """The callers by the tokens of their workloads."""
    trusted = [TrustedIssuer(one.policy, one.key_set) for one in issuers]
    if not trusted:
        return NO_WORKLOADS
    workloads = Workloads(
        trusted,
        {workload: one.caller for one in callers for workload in one.workloads},
        # It remembers headers: those that strangers make up displace none of other tokens'.
        parser=StrictTokenParser(max_bytes=max_token_bytes),
        max_token_bytes=max_token_bytes,
        clock=clock,
        telemetry=telemetry,
    )
    telemetry.gauge("workload_tokens_known", "Tokens of workloads held in memory", lambda: len(workloads))
    return workloads
