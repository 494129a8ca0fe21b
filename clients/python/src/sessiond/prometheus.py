"""Tells Prometheus what a client does.

    metrics = Metrics(prometheus_client.REGISTRY)
    client = Client(target, observer=metrics)
    metrics.follow(client)

    sessiond_client_validations_total       by outcome, accepted and reason
    sessiond_client_calls_total             by method, code and reason
    sessiond_client_calls_duration_seconds  by method and code, with all attempts
    sessiond_client_watch_changes_total     of the stream of revocations, by its new state
    sessiond_client_cache_entries           what is kept now
    sessiond_client_watch_age_seconds       how long ago everything that was revoked was known

Where there are several clients, give each a registry of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sessiond.observer import DURATION_BOUNDS, Observer, Outcome, Source, WatchState

__all__ = ["Metrics"]


class Metrics(Observer):
    """The metrics of one client; registering them twice is a ValueError."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry: Final = registry

        def counter(name: str, text: str, labels: list[str]) -> Counter:
            return Counter(f"sessiond_client_{name}", text, labels, registry=registry)

        self._validations: Final = counter(
            "validations", "Verdicts on one token.", ["outcome", "accepted", "reason"]
        )
        self._calls: Final = counter("calls", "Calls to a server.", ["method", "code", "reason"])
        self._durations: Final = Histogram(
            "sessiond_client_calls_duration_seconds",
            "How long calls to a server took, with all attempts.",
            ["method", "code"],
            buckets=DURATION_BOUNDS,
            registry=registry,
        )
        self._changes: Final = counter("watch_changes", "Changes of the stream of revocations.", ["state"])

    def follow(self, client: Source) -> None:
        """Register the numbers of a client; of one that knows nothing of revocations no age is told."""
        self._registry.register(_Numbers(client))

    def validated(self, outcome: Outcome, *, accepted: bool, reason: str, seconds: float) -> None:
        """Count a verdict."""
        del seconds
        self._validations.labels(outcome, str(accepted).lower(), reason).inc()

    def called(self, method: str, *, code: str, reason: str, seconds: float, attempts: int) -> None:
        """Count a call."""
        del attempts
        self._calls.labels(method, code, reason).inc()
        self._durations.labels(method, code).observe(seconds)

    def watch_changed(self, state: WatchState) -> None:
        """Count a change."""
        self._changes.labels(state).inc()


class _Numbers(Collector):
    """Collects the numbers of a client when somebody asks for them."""

    def __init__(self, client: Source) -> None:
        self._client: Final = client

    def collect(self) -> Iterator[GaugeMetricFamily]:
        numbers = self._client.numbers
        yield GaugeMetricFamily(
            "sessiond_client_cache_entries", "Acceptances that are kept.", value=numbers.entries
        )
        # Without a value there is no sample.
        text = "How long ago everything that was revoked was known."
        yield GaugeMetricFamily("sessiond_client_watch_age_seconds", text, value=numbers.watch_age)
