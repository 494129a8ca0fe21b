"""Puts the services together: store, issuers, validation, sessions, callers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser, claims_object
from sessiond_server.adapters.store.client import Scripts, StoreAddress, connect
from sessiond_server.adapters.store.marks import IssuerMarks
from sessiond_server.adapters.store.provider_tokens import RedisProviderRevocations
from sessiond_server.adapters.store.redis_key_sets import RedisKeySet
from sessiond_server.adapters.store.redis_proof_memory import RedisProofMemory
from sessiond_server.adapters.store.redis_revocation_log import RedisRevocationLog
from sessiond_server.adapters.store.redis_session_leases import RedisSessionLeases
from sessiond_server.adapters.store.redis_session_store import RedisSessionStore
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.issuers import OwnIssuer, RemoteIssuer, own_issuer, remote_issuers, reuse_above_ms
from sessiond_server.app.material import Material
from sessiond_server.config.settings import IssuerSettings, Settings
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.refresh_token import Peppers
from sessiond_server.domain.session import Lifetimes
from sessiond_server.service.callers import Callers
from sessiond_server.service.clock import Clock
from sessiond_server.service.endings import Endings
from sessiond_server.service.id_tokens import IdTokens
from sessiond_server.service.local_logins import LocalLogins
from sessiond_server.service.log import Log
from sessiond_server.service.possession import Possession
from sessiond_server.service.providers import Providers
from sessiond_server.service.recognition import Recognition
from sessiond_server.service.revocations import Revocations
from sessiond_server.service.sessions import Sessions
from sessiond_server.service.token_cache import TokenCache
from sessiond_server.service.upstream_refresh import UpstreamRefresh
from sessiond_server.service.validation import Validation
from sessiond_server.transport.codec.validation import encode_claims
from sessiond_server.transport.metrics import Metrics

PARTITIONS: Final = 1
_MIN_ENTRY_LIFE: Final = timedelta(hours=24)


@dataclass(slots=True)
class Parts:
    """The services of one server. `store_faults` are why the store cannot be trusted; None before it has been looked at."""

    own: OwnIssuer | None
    remote: tuple[RemoteIssuer, ...]
    callers: Callers
    validation: Validation
    sessions: Sessions
    endings: Endings
    store: RedisSessionStore
    queue: RedisProviderRevocations
    scripts: Scripts
    providers: Providers
    upstream: UpstreamRefresh
    revocations: Revocations
    store_faults: list[str] | None = field(default=None)

    def unready(self) -> list[str]:
        """Why this server should not get calls yet, or for now."""
        return [*self._unready_store(), *self._unready_issuers()]

    def _unready_store(self) -> list[str]:
        if self.store_faults is None or not self.revocations.is_synced:
            return ["the revocation log has not been read yet"]
        if not self.revocations.is_fresh:
            return ["the store does not answer"]
        return self.store_faults

    def _unready_issuers(self) -> list[str]:
        """One issuer with keys is enough, once every one has been asked."""
        untried = [
            f"{one.settings.issuer} has not been asked for its keys yet" for one in self.remote if not one.key_set.was_tried
        ]
        if self.own or any(one.key_set.is_ready for one in self.remote):
            return untried
        return untried or [f"no keys of {one.settings.issuer} can be had" for one in self.remote]


async def assemble(
    settings: Settings, material: Material, *, store_url: str, stack: AsyncExitStack, metrics: Metrics, log: Log
) -> Parts:
    """Everything that is opened here, `stack` closes."""
    clock = SystemClock()
    scripts = _scripts(settings, material, store_url, stack, metrics=metrics, log=log)
    own = _own(settings, material)
    sealing, marks = SealingKeys(material.sealing), IssuerMarks(reuse_above_ms(settings.issuers))

    def share(issuer: IssuerSettings) -> RedisKeySet:
        address = issuer.jwks_url or "discovery"
        return RedisKeySet(scripts, sealing, issuer=issuer.issuer, address=address, max_stale=issuer.max_stale)

    remote = await remote_issuers(
        settings, secrets=material.client_secrets, share=share, stack=stack, clock=clock, metrics=metrics, log=log
    )
    trusted = [one.trusted for one in (*([own] if own else ()), *remote)]
    revocations = _revocations(settings, scripts, clock=clock, metrics=metrics, log=log)
    cache = TokenCache(max_bytes=settings.server.token_cache_bytes)
    parser = StrictTokenParser(max_bytes=settings.server.max_token_bytes)
    possession = Possession(read_proof=read_proof, memory=RedisProofMemory(scripts, partitions=PARTITIONS), clock=clock)
    validation = Validation(
        trusted,
        parser=parser,
        cache=cache,
        revocations=revocations,
        possession=possession,
        clock=clock,
        max_token_bytes=settings.server.max_token_bytes,
        encode=encode_claims,
    )
    store = RedisSessionStore(
        scripts,
        partitions=PARTITIONS,
        sealing=sealing,
        issuers=marks,
        max_per_subject=settings.sessions.max_per_subject,
        log=log,
    )
    providers = Providers(
        [one.provider for one in remote if one.provider],
        validation=validation,
        id_tokens=IdTokens(trusted, parser=parser, clock=clock),
    )
    upstream = UpstreamRefresh(
        RedisSessionLeases(scripts, partitions=PARTITIONS, sealing=sealing, issuers=marks, log=log),
        providers,
        revocations=revocations,
        clock=clock,
        log=log,
        count=metrics.observe_exchange,
    )
    lifetimes = _lifetimes(own, remote)
    peppers = Peppers(material.peppers)
    recognition = Recognition(store, peppers=peppers, issuers=lifetimes, log=log)
    entry_life_ms = _entry_life_ms(one.policy for one in trusted)
    sessions = Sessions(
        store,
        local=_local_logins(own, settings, clock=clock) if own else None,
        providers=providers,
        upstream=upstream,
        recognition=recognition,
        possession=possession,
        lifetimes=lifetimes,
        entry_life_ms=entry_life_ms,
        peppers=peppers,
        revocations=revocations,
        clock=clock,
        randomness=os.urandom,
        log=log,
    )
    endings = Endings(
        store,
        recognition=recognition,
        validation=validation,
        revocations=revocations,
        entry_life_ms=entry_life_ms,
        mark_life_ms=max((one.absolute_ms for one in lifetimes.values()), default=0),
    )
    _watch(metrics, cache, revocations, material)
    return Parts(
        own=own,
        remote=remote,
        callers=Callers(material.callers, anonymous=settings.anonymous),
        validation=validation,
        sessions=sessions,
        endings=endings,
        store=store,
        queue=RedisProviderRevocations(scripts, partitions=PARTITIONS, sealing=sealing, issuers=marks, log=log),
        scripts=scripts,
        providers=providers,
        upstream=upstream,
        revocations=revocations,
    )


def _scripts(
    settings: Settings, material: Material, store_url: str, stack: AsyncExitStack, *, metrics: Metrics, log: Log
) -> Scripts:
    store = settings.store
    client = connect(
        StoreAddress(
            store_url,
            username=store.username,
            password=material.store_password,
            ca_file=store.ca_file,
            cert_file=store.cert_file,
            key_file=store.key_file,
        )
    )
    stack.push_async_callback(client.aclose)
    return Scripts(client, observe=metrics.observe_store, log=log)


def _own(settings: Settings, material: Material) -> OwnIssuer | None:
    for one in settings.issuers:
        if one.is_local:
            return own_issuer(one, settings.sessions, material.signing_keys)
    return None


def _revocations(settings: Settings, scripts: Scripts, *, clock: Clock, metrics: Metrics, log: Log) -> Revocations:
    return Revocations(
        RedisRevocationLog(scripts),
        partitions=PARTITIONS,
        lease_seconds=settings.revocation.lease.total_seconds(),
        clock=clock,
        log=log,
        on_resync=metrics.observe_resync,
    )


def _lifetimes(own: OwnIssuer | None, remote: Iterable[RemoteIssuer]) -> dict[str, Lifetimes]:
    """Those of the issuers with sessions."""
    lifetimes = {one.policy.issuer: one.provider.lifetimes for one in remote if one.provider}
    return {**lifetimes, own.policy.issuer: own.lifetimes} if own else lifetimes


def _entry_life_ms(policies: Iterable[IssuerPolicy]) -> int:
    """An entry of the log outlives every token that it can hit, and a reader that was away for less than a day."""
    longest = max(policy.max_lifetime + policy.leeway + policy.clock_skew for policy in policies)
    return (_MIN_ENTRY_LIFE + longest) // timedelta(milliseconds=1)


def _local_logins(own: OwnIssuer, settings: Settings, *, clock: Clock) -> LocalLogins:
    return LocalLogins(
        own.policy,
        lifetimes=own.lifetimes,
        default_client=own.settings.client_id or own.settings.audiences[0],
        minter=own.minter,
        read_object=claims_object,
        clock=clock,
        max_token_bytes=settings.server.max_token_bytes,
    )


def _watch(metrics: Metrics, cache: TokenCache, revocations: Revocations, material: Material) -> None:
    metrics.watch("revocation_view_age_seconds", "Age of what is known of revocations", lambda: revocations.age_seconds)
    metrics.watch("revocations", "Revocations held in memory", lambda: len(revocations))
    metrics.watch("token_cache_tokens", "Verified tokens held in memory", lambda: len(cache))
    metrics.watch("token_cache_bytes", "Memory of the verified tokens, estimated", lambda: cache.bytes)
    metrics.watch("token_cache_hits", "Tokens found in the cache", lambda: cache.hits)
    metrics.watch("token_cache_misses", "Tokens not found in the cache", lambda: cache.misses)
    certificate = material.certificate
    if certificate:
        metrics.watch(
            "tls_certificate_expiry_timestamp_seconds", "When the server's certificate expires", lambda: certificate.expires_at
        )
