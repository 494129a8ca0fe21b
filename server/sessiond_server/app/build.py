"""Builds the services, each upon the one before: store, issuers, validation, sessions, methods."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser, claims_object
from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.adapters.store.open import HashedIssuers, SessionRules, StoreAddress, Stores, open_stores
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.audit import Audit, open_audit
from sessiond_server.app.gauges import show_the_store, show_what_is_held
from sessiond_server.app.issuers import (
    AnyIssuerSettings,
    ConfiguredLocalIssuer,
    ConfiguredProvider,
    ahead_of_need,
    client_ids,
    find_local_issuer,
    open_providers,
    reuse_above_ms,
)
from sessiond_server.app.secrets import Secrets
from sessiond_server.app.workloads import ConfiguredWorkloadIssuer, open_workload_issuers, workloads_of
from sessiond_server.config.fingerprint import fingerprint
from sessiond_server.config.settings import ACCEPT_STALE, Settings
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.rate import Activity, Per
from sessiond_server.domain.refresh_token import Peppers, RefreshToken
from sessiond_server.domain.session import IssuerLifetimes
from sessiond_server.service.audit.events import AuditSink
from sessiond_server.service.callers import Callers
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.ahead_exchange import AheadExchange
from sessiond_server.service.providers.exchange import ProviderExchange
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.providers.refresh_ahead import RefreshAhead
from sessiond_server.service.providers.refused_logins import RefusedLogins
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.rate_limits import RateLimits, RateRule
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Failover, Primacy
from sessiond_server.service.revocation.reassertion import Reassertion
from sessiond_server.service.revocation.snapshots import SnapshotKeeper
from sessiond_server.service.revocation.store_checks import StoreChecks
from sessiond_server.service.revocation.store_loss import StoreLoss
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.revocation.withdrawn_keys import WithdrawnKeys
from sessiond_server.service.sessions.adopt import SessionAdoption
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.create import SessionCreation
from sessiond_server.service.sessions.lease_queues import LeaseQueues
from sessiond_server.service.sessions.local_logins import LocalLogins
from sessiond_server.service.sessions.lookup import SessionLookup
from sessiond_server.service.sessions.refresh import SessionRefresh
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.sessions.revoke import SessionRevocation
from sessiond_server.service.storage.key_sets import SharedKeySet
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.sessions import Eviction
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.uncancelled import Uncancelled
from sessiond_server.service.validation.id_tokens import IdTokens
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.validate import Validation
from sessiond_server.transport.admission.identify import Identification
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.admission.metering import Metering
from sessiond_server.transport.admission.standstill import Standstill
from sessiond_server.transport.codec.verdicts import encode_claims
from sessiond_server.transport.engine.port import Endpoints
from sessiond_server.transport.methods import Identity, Sessions, SessionService, WatcherBounds
from sessiond_server.transport.pipeline import LoggedCalls, Pipeline

_MIN_ENTRY_LIFE: Final = timedelta(hours=24)


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
) -> App:
    """Build everything; what is opened here, `stack` closes. Audit events go to `sinks`, and to the store."""
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
        )
    )
    peppers = Peppers(secrets.peppers)
    audit = open_audit(settings.audit, stores, sinks, pepper=peppers.newest, clock=clock, logger=logger)

    def share(issuer: AnyIssuerSettings) -> SharedKeySet:
        address = issuer.jwks_url or "discovery"
        return stores.key_sets.of(issuer.issuer, address=address, max_stale=issuer.max_stale)

    local_issuer = find_local_issuer(settings, secrets.signing_keys)
    issuers = await open_providers(
        settings,
        secrets=secrets.client_secrets,
        share=share,
        stack=stack,
        clock=clock,
        telemetry=telemetry,
        logger=logger,
    )
    workload_issuers = await open_workload_issuers(
        settings, share=share, stack=stack, clock=clock, telemetry=telemetry, logger=logger
    )
    trusted = [one.trusted for one in (*([local_issuer] if local_issuer else ()), *issuers)]
    clocks = Clocks(
        allowed_seconds=min(one.policy.clock_skew for one in trusted).total_seconds(),
        clock=clock,
        logger=logger,
    )
    entry_life_ms = _entry_life_ms(one.policy for one in trusted)
    primacy = Primacy(
        stores.replication,
        partitions=stores.revocations.partitions(),
        failover=failover_of(settings),
        clock=clock,
        logger=logger,
    )
    loss = StoreLoss(
        partitions=stores.revocations.partitions(),
        refuses_older=settings.store.refuses_older,
        entry_life_ms=entry_life_ms,
        logger=logger,
    )
    revocations = Revocations(
        stores.revocations,
        max_staleness_seconds=settings.revocation.max_staleness.total_seconds(),
        clock=clock,
        checks=StoreChecks(clocks, primacy, loss),
        logger=logger,
        telemetry=telemetry,
        space=stack.enter_context(ScratchFile()),
        snapshots=stores.snapshots,
    )
    withdrawn = WithdrawnKeys(revocations.events, clock=clock)
    for one in issuers:
        one.key_set.when_withdrawn(partial(withdrawn.add, one.policy))
    audit.follow((*issuers, *workload_issuers))
    watching = RevocationWatch(
        revocations,
        withdrawn,
        heartbeat_seconds=settings.revocation.heartbeat.total_seconds(),
        clock=clock,
        jitter=random.random,
    )
    cache = TokenCache(max_bytes=settings.server.token_cache_bytes)
    parser = StrictTokenParser(max_bytes=settings.server.max_token_bytes)
    signed = SignedTokens(
        trusted,
        parser=parser,
        cache=cache,
        max_token_bytes=settings.server.max_token_bytes,
        encode=encode_claims,
    )
    possession = ProofOfPossession(read_proof=read_proof, memory=stores.proofs, clock=clock)
    answers_when_stale = settings.revocation.on_stale == ACCEPT_STALE
    validation = Validation(
        signed,
        revocations=revocations,
        possession=possession,
        clock=clock,
        answers_when_stale=answers_when_stale,
        watched_cache_seconds=settings.revocation.watched_cache.total_seconds(),
    )
    providers = Providers(
        [one.provider for one in issuers if one.provider],
        validation=validation,
        id_tokens=IdTokens(trusted, parser=parser, clock=clock),
    )
    uncancelled = Uncancelled()
    until_stored = UntilStored(clock=clock, logger=logger, telemetry=telemetry)
    exchange = ProviderExchange(
        stores.sessions,
        stores.leases,
        providers,
        revocations=revocations,
        logger=logger,
        telemetry=telemetry,
        uncancelled=uncancelled,
        until_stored=until_stored,
        audit=audit.trail,
        clock=clock,
    )
    queues = LeaseQueues(clock=clock)
    telemetry.gauge("refreshes_waiting", "Refreshes that wait for another's exchange", lambda: len(queues))
    local = _local_logins(local_issuer, settings, clock=clock) if local_issuer else None
    lifetimes = _lifetimes(local_issuer, issuers)
    scope = CallerScope(
        stores.sessions,
        issuers=lifetimes,
        trusted={one.policy.issuer for one in trusted},
        logger=logger,
    )
    missing = MissingKeys(telemetry=telemetry, logger=logger)
    authenticator = RefreshTokenAuthenticator(stores.sessions, scope=scope, peppers=peppers, missing=missing)
    cutoff_life_ms = max((one.longest.absolute_ms for one in lifetimes.values()), default=0)
    reassertion = Reassertion(
        revocations,
        stores.revocations,
        cutoff_life_ms=cutoff_life_ms,
        entry_life_ms=entry_life_ms,
        logger=logger,
        telemetry=telemetry,
    )
    ahead = RefreshAhead(
        AheadExchange(
            stores.ahead,
            providers,
            revocations=revocations,
            uncancelled=Uncancelled(),
            until_stored=until_stored,
            audit=audit.trail,
            logger=logger,
            clock=clock,
            entry_life_ms=entry_life_ms,
            randomness=os.urandom,
        ),
        ahead_of_need(settings.issuers, lifetimes),
        clock=clock,
        telemetry=telemetry,
    )
    refused = RefusedLogins(providers, stores.queue, randomness=os.urandom, logger=logger)
    creation = SessionCreation(
        stores.sessions,
        local=local,
        providers=providers,
        ahead=ahead,
        refused=refused,
        possession=possession,
        lifetimes=lifetimes,
        entry_life_ms=entry_life_ms,
        peppers=peppers,
        revocations=revocations,
        uncancelled=uncancelled,
        audit=audit.trail,
        randomness=os.urandom,
    )
    # A crowd of refreshes that go on without their callers leaves revocations their room.
    ends = Uncancelled()
    service = SessionService(
        validation,
        Sessions(
            creation=creation,
            adoption=SessionAdoption(
                stores.adoptions,
                creation=creation,
                providers=providers,
                refused=refused,
                queues=queues,
                lifetimes=lifetimes,
                peppers=peppers,
                uncancelled=uncancelled,
                until_stored=until_stored,
                clock=clock,
                randomness=os.urandom,
                missing=missing,
                audit=audit.trail,
                logger=logger,
                telemetry=telemetry,
            ),
            refreshing=SessionRefresh(
                local=local,
                providers=providers,
                exchange=exchange,
                ahead=ahead,
                queues=queues,
                authenticator=authenticator,
                possession=possession,
                entry_life_ms=entry_life_ms,
                peppers=peppers,
                revocations=revocations,
                clock=clock,
                randomness=os.urandom,
                missing=missing,
                logger=logger,
            ),
            revocation=SessionRevocation(
                stores.sessions,
                stores.cutoffs,
                authenticator=authenticator,
                scope=scope,
                validation=validation,
                revocations=revocations,
                uncancelled=ends,
                audit=audit.trail,
                entry_life_ms=entry_life_ms,
                cutoff_life_ms=cutoff_life_ms,
            ),
            lookups=SessionLookup(stores.sessions, scope=scope),
        ),
        watching,
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
    show_what_is_held(telemetry, cache, revocations, watching, secrets)
    show_the_store(telemetry, stores, clocks, primacy)
    return App(
        local_issuer=local_issuer,
        issuers=issuers,
        workload_issuers=workload_issuers,
        has_other_callers=_has_callers_beside_workloads(settings),
        stores=stores,
        providers=providers,
        exchange=exchange,
        ahead=ahead,
        ends=ends,
        revocations=revocations,
        primacy=primacy,
        reassertion=reassertion,
        snapshots=SnapshotKeeper(revocations.view, stores.snapshots, stores.revocations, logger=logger),
        limits=limits,
        standstill=standstill,
        clocks=clocks,
        watching=watching,
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


def failover_of(settings: Settings) -> Failover:
    """Whoever has replicas acknowledge what is released has them for that."""
    wanted = Failover(settings.store.failover)
    return Failover.ALWAYS if wanted is Failover.AUTO and settings.store.acknowledging_replicas else wanted


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


def _lifetimes(
    local_issuer: ConfiguredLocalIssuer | None, issuers: Iterable[ConfiguredProvider]
) -> dict[str, IssuerLifetimes]:
    """The lifetimes of sessions, by issuer; issuers without sessions are left out."""
    lifetimes = {one.policy.issuer: one.provider.lifetimes for one in issuers if one.provider}
    return {**lifetimes, local_issuer.policy.issuer: local_issuer.lifetimes} if local_issuer else lifetimes


def _entry_life_ms(policies: Iterable[IssuerPolicy]) -> int:
    """How long a log entry is kept: a day longer than any token that it can hit, for absent readers."""
    longest = max(policy.max_lifetime + policy.leeway + policy.clock_skew for policy in policies)
    return (_MIN_ENTRY_LIFE + longest) // timedelta(milliseconds=1)


def _local_logins(local_issuer: ConfiguredLocalIssuer, settings: Settings, *, clock: Clock) -> LocalLogins:
    return LocalLogins(
        local_issuer.policy,
        lifetimes=local_issuer.lifetimes,
        default_client=local_issuer.settings.client_id or local_issuer.settings.audiences[0],
        minter=local_issuer.minter,
        read_object=claims_object,
        clock=clock,
        max_token_bytes=settings.server.max_token_bytes,
    )
