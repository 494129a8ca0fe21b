"""The numbers that are read whenever they are asked for."""

from __future__ import annotations

from sessiond_server.adapters.store.open import Stores
from sessiond_server.app.secrets import Secrets
from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.primacy import Primacy
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.token_cache import TokenCache


def show_what_is_held(
    telemetry: Telemetry,
    cache: TokenCache,
    revocations: Revocations,
    watching: RevocationWatch,
    secrets: Secrets,
) -> None:
    """Show how much is known here, and how well it serves."""
    telemetry.gauge(
        "revocation_view_age_seconds", "Age of what is known of revocations", lambda: revocations.age_seconds
    )
    telemetry.gauge(
        "revocation_max_staleness_seconds",
        "How old that may be for answers to be given",
        lambda: revocations.max_staleness_seconds,
    )
    telemetry.gauge(
        "revocation_entries_behind",
        "Entries of the revocation log that are not read yet",
        lambda: revocations.entries_behind,
    )
    telemetry.gauge("revocations", "Revocations held in memory", lambda: len(revocations))
    telemetry.gauge("watchers", "Watchers of revocations", lambda: watching.watchers)
    telemetry.gauge("token_cache_tokens", "Verified tokens held in memory", lambda: len(cache))
    telemetry.gauge("token_cache_bytes", "Memory of the verified tokens, estimated", lambda: cache.bytes)
    telemetry.counter("token_cache_hits_total", "Tokens found in the cache", lambda: cache.hits)
    telemetry.counter("token_cache_misses_total", "Tokens not found in the cache", lambda: cache.misses)
    certificate = secrets.certificate
    if certificate:
        telemetry.gauge(
            "certificate_expiry_timestamp_seconds",
            "When the server's certificate expires",
            lambda: certificate.expires_at,
        )
    if secrets.store_tls and secrets.store_tls.shows_certificate:
        telemetry.gauge(
            "store_certificate_expiry_timestamp_seconds",
            "When the certificate expires that the store is shown",
            secrets.store_tls.expires_at,
        )


def show_the_store(telemetry: Telemetry, stores: Stores, clocks: Clocks, primacy: Primacy) -> None:
    """Show how the store does beside what its scripts take."""
    telemetry.gauge(
        "store_takes_writes",
        "1 where the store takes writes, 0 where it refuses them",
        lambda: stores.writes.refused_for is None,
    )
    telemetry.gauge(
        "store_is_primary",
        "1 where what the store answers counts, 0 where it is a replica or no replica acknowledges writes",
        lambda: primacy.not_ready_reason is None,
    )
    telemetry.gauge(
        "store_clock_difference_seconds",
        "How far the store's clock is ahead of this server's",
        lambda: clocks.difference_seconds,
    )
