"""Builds the services, each upon the one before: store, issuers, validation, sessions, methods."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.adapters.store.open import HashedIssuers, SessionRules, StoreAddress, Stores, open_stores
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.audit import Audit, open_audit
from sessiond_server.app.foreseen import foresee_issuers
from sessiond_server.app.foundation import Foundation, OpenIssuers
from sessiond_server.app.gauges import show_the_store, show_what_is_held
from sessiond_server.app.issuers import (
    AnyIssuerSettings,
    ConfiguredLocalIssuer,
    ConfiguredProvider,
    client_ids,
    find_local_issuer,
    open_providers,
    reuse_above_ms,
)
from sessiond_server.app.revocation_services import open_revocations
from sessiond_server.app.secrets import Secrets
from sessiond_server.app.session_services import open_sessions
from sessiond_server.app.workloads import ConfiguredWorkloadIssuer, open_workload_issuers, workloads_of
from sessiond_server.config.fingerprint import fingerprint
from sessiond_server.config.settings import ACCEPT_STALE, Settings
from sessiond_server.domain.rate import Activity, Per
from sessiond_server.domain.refresh_token import Peppers, RefreshToken
from sessiond_server.service.audit.counted_events import CountedEvents
from sessiond_server.service.audit.events import AuditSink
from sessiond_server.service.callers import Callers
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.exchange import ProviderExchange
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.providers.refresh_ahead import RefreshAhead
from sessiond_server.service.rate_limits import RateLimits, RateRule
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Primacy
from sessiond_server.service.revocation.reassertion import Reassertion
from sessiond_server.service.revocation.snapshots import SnapshotKeeper
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.storage.key_sets import SharedKeySet
from sessiond_server.service.storage.sessions import Eviction
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer
from sessiond_server.service.uncancelled import Uncancelled
from sessiond_server.service.validation.id_tokens import IdTokens
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.traced_validation import TracedValidation
from sessiond_server.service.validation.validate import Validation
from sessiond_server.transport.admission.identify import Identification
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.admission.metering import Metering
from sessiond_server.transport.admission.standstill import Standstill
from sessiond_server.transport.codec.verdicts import encode_claims
from sessiond_server.transport.engine.port import Endpoints
from sessiond_server.transport.methods import Identity, SessionService, WatcherBounds
from sessiond_server.transport.pipeline import LoggedCalls, Pipeline


@dataclass(frozen=True, slots=True)
class App:
    """One server, before it listens.

    `has_other_callers` says that somebody may call that is not known by the token of a workload.
    """

    local_issuer: ConfiguredLocalIssuer | None
    issuers: tuple[ConfiguredProvider, ...]
    workload_issuers: tuple[ConfiguredWorkloadIssuer, ...]
    has_other_callers: bool
    stores: Stores
    providers: Providers
    exchange: ProviderExchange
    ahead: RefreshAhead
    ends: Uncancelled
    revocations: Revocations
    primacy: Primacy
    reassertion: Reassertion
    snapshots: SnapshotKeeper
    limits: Limits
    standstill: Standstill
    clocks: Clocks
    watching: RevocationWatch
    audit: Audit
    answers_when_stale: bool
    endpoints: Endpoints


async def build(
    settings: Settings,
    secrets: Secrets,
    *,
    store_url: str,
    stack: AsyncExitStack,
    telemetry: Telemetry,
    logger: Logger,
    sinks: Sequence[AuditSink] = (),
    tracer: Tracer | None = None,
) -> App:
    """Build everything; what is opened here, `stack` closes. Audit events go to `sinks`, and to the store.

    Without a `tracer` nothing of tracing is built.
    """
    clock = SystemClock()
    stores = await stack.enter_async_context(
        open_stores(
            _store_address(settings, secrets, store_url),
            partitions=settings.store.number_of_partitions,
            sealing_keys=secrets.sealing,
            issuers=HashedIssuers(
                reuse_above_ms(settings.issuers), {one.issuer: client_ids(one) for one in settings.issuers}
            ),
            rules=SessionRules(
                max_per_subject=settings.sessions.max_per_subject,
                longest_pause_ms=settings.sessions.grace_pause // timedelta(milliseconds=1),
                eviction=Eviction(settings.sessions.eviction),
            ),
            steady=clock.steady,
            telemetry=telemetry,
            logger=logger,
            tracer=tracer,
        )
    )
    peppers = Peppers(secrets.peppers)
    local = find_local_issuer(settings, secrets.signing_keys)
    counted = CountedEvents(telemetry, local_issuer=local.policy.issuer if local else None)
    audit = open_audit(
        settings.audit,
        stores,
        (*sinks, counted),
        pepper=peppers.newest,
        clock=clock,
        logger=logger,
        tracer=tracer,
    )

    def share(issuer: AnyIssuerSettings) -> SharedKeySet:
        address = issuer.jwks_url or "discovery"
        return stores.key_sets.of(issuer.issuer, address=address, max_stale=issuer.max_stale)

    others = await open_providers(
        settings,
        secrets=secrets.client_secrets,
        share=share,
        stack=stack,
        clock=clock,
        telemetry=telemetry,
        logger=logger,
        tracer=tracer,
    )
    issuers = OpenIssuers(local, others)
    workload_issuers = await open_workload_issuers(
        settings,
        share=share,
        stack=stack,
        clock=clock,
        telemetry=telemetry,
        logger=logger,
        tracer=tracer,
    )
    foresee_issuers(telemetry, others, workload_issuers)
    base = Foundation(settings, stores, audit, clock, telemetry, logger)
    revoked = open_revocations(base, issuers, stack=stack)
    audit.follow((*others, *workload_issuers))
    cache = TokenCache(max_bytes=settings.server.token_cache_bytes)
    parser = StrictTokenParser(max_bytes=settings.server.max_token_bytes)
    signed = SignedTokens(
        issuers.trusted,
        parser=parser,
        cache=cache,
        max_token_bytes=settings.server.max_token_bytes,
        encode=encode_claims,
    )
    possession = ProofOfPossession(read_proof=read_proof, memory=stores.proofs, clock=clock)
    answers_when_stale = settings.revocation.on_stale == ACCEPT_STALE
    validation = Validation(
        signed,
        revocations=revoked.revocations,
        possession=possession,
        clock=clock,
        answers_when_stale=answers_when_stale,
        watched_cache_seconds=settings.revocation.watched_cache.total_seconds(),
    )
    providers = Providers(
        [one.provider for one in others if one.provider],
        validation=validation,
        id_tokens=IdTokens(issuers.trusted, parser=parser, clock=clock),
    )
    opened = open_sessions(
        base,
        issuers,
        providers,
        validation,
        possession=possession,
        revocations=revoked.revocations,
        peppers=peppers,
    )
    service = SessionService(
        TracedValidation(validation, tracer) if tracer else validation,
        opened.sessions,
        revoked.watching,
        metering=Metering(
            RateLimits(_rate_rules(settings), stores.buckets, clock=clock, telemetry=telemetry),
            session_of=partial(_session_of, peppers),
        ),
        identity=Identity(fingerprint(settings), f"{socket.gethostname()}/{os.getpid()}"),
        telemetry=telemetry,
    )
    callers = Callers(
        secrets.callers,
        anonymous=settings.anonymous,
        workloads=workloads_of(
            workload_issuers,
            secrets.callers,
            max_token_bytes=settings.server.max_token_bytes,
            clock=clock,
            telemetry=telemetry,
        ),
    )
    limits = Limits()
    standstill = Standstill(clock=clock, telemetry=telemetry, logger=logger)
    pipeline = Pipeline(
        Identification(callers, by_certificate=secrets.certificate is not None),
        limits,
        standstill,
        telemetry=telemetry,
        logger=logger,
        logged_calls=LoggedCalls(settings.log.calls),
        refused_callers=audit.refused_callers,
    )
    show_what_is_held(telemetry, cache, revoked.revocations, revoked.watching, secrets)
    show_the_store(telemetry, stores, revoked.clocks, revoked.primacy)
    return App(
        local_issuer=issuers.local,
        issuers=others,
        workload_issuers=workload_issuers,
        has_other_callers=_has_callers_beside_workloads(settings),
        stores=stores,
        providers=providers,
        exchange=opened.exchange,
        ahead=opened.ahead,
        ends=opened.ends,
        revocations=revoked.revocations,
        primacy=revoked.primacy,
        reassertion=revoked.reassertion,
        snapshots=revoked.snapshots,
        limits=limits,
        standstill=standstill,
        clocks=revoked.clocks,
        watching=revoked.watching,
        audit=audit,
        answers_when_stale=answers_when_stale,
        endpoints=pipeline.endpoints(service.methods(watchers=_watcher_bounds(settings))),
    )


def _rate_rules(settings: Settings) -> list[RateRule]:
    return [
        RateRule(frozenset(map(Activity, one.on)), Per(one.per), one.to_rate()) for one in settings.limits
    ]


def _session_of(peppers: Peppers, refresh_token: str) -> str | None:
    found = peppers.recognise(refresh_token)
    return str(found.session) if isinstance(found, RefreshToken) else None


def _watcher_bounds(settings: Settings) -> WatcherBounds:
    revocation = settings.revocation
    return WatcherBounds(revocation.max_watchers, revocation.max_watchers_of_a_caller)


def _has_callers_beside_workloads(settings: Settings) -> bool:
    return bool(settings.anonymous) or any(one.key_files or one.identities for one in settings.callers)


def _store_address(settings: Settings, secrets: Secrets, url: str) -> StoreAddress:
    store = settings.store
    return StoreAddress(
        url,
        identity=secrets.store_identity,
        sentinel_identity=secrets.sentinel_identity,
        tls=secrets.store_tls.current if secrets.store_tls else None,
        acknowledging_replicas=store.acknowledging_replicas,
        max_revocations=settings.revocation.max_entries,
    )
