"""The counters that `/metrics` shows; every label comes from configuration or an enumeration."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_CALL_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STORE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
_LOOP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """All metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "sessiond_calls_total",
            "Calls by method, status code and caller",
            ["method", "code", "caller"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "sessiond_call_seconds", "Duration of calls", ["method"], buckets=_CALL_BUCKETS, registry=self._registry
        )
        self._verdicts = Counter(
            "sessiond_verdicts_total",
            "Verdicts on tokens; verdict is ACCEPTED or the reason",
            ["verdict"],
            registry=self._registry,
        )
        self._refreshes = Counter(
            "sessiond_refreshes_total",
            "Refreshes by outcome: ROTATED, REPLAYED or the reason",
            ["outcome"],
            registry=self._registry,
        )
        self._store_seconds = Histogram(
            "sessiond_store_seconds", "Duration of store scripts", ["script"], buckets=_STORE_BUCKETS, registry=self._registry
        )
        self._loop_delay = Histogram(
            "sessiond_event_loop_delay_seconds",
            "How much later than it asked for a timer of the event loop fires",
            buckets=_LOOP_BUCKETS,
            registry=self._registry,
        )
        self._fetches = Counter(
            "sessiond_key_set_fetches_total", "Fetches of key sets by outcome", ["issuer", "outcome"], registry=self._registry
        )
        self._key_set_age = Gauge(
            "sessiond_key_set_age_seconds", "Age of an issuer's keys; -1 before the first", ["issuer"], registry=self._registry
        )
        self._unknown_keys = Gauge(
            "sessiond_key_set_unknown_ids", "Tokens whose key is not in the set", ["issuer"], registry=self._registry
        )
        self._exchanges = Counter(
            "sessiond_exchanges_total", "Refreshes at providers by outcome", ["issuer", "outcome"], registry=self._registry
        )
        self._resyncs = Counter(
            "sessiond_revocation_resyncs_total", "How often the revocation log was replaced under us", registry=self._registry
        )

    def observe_call(self, method: str, code: str, caller: str, seconds: float) -> None:
        """Count one call."""
        self._calls.labels(method, code, caller).inc()
        self._call_seconds.labels(method).observe(seconds)

    def observe_verdicts(self, verdict: str, count: int) -> None:
        """Count the verdicts of one call that are alike."""
        self._verdicts.labels(verdict).inc(count)

    def observe_refresh(self, outcome: str) -> None:
        """Count one refresh."""
        self._refreshes.labels(outcome).inc()

    def observe_store(self, script: str, seconds: float) -> None:
        """Count one store script."""
        self._store_seconds.labels(script).observe(seconds)

    def observe_loop_delay(self, seconds: float) -> None:
        """Count one timer of the event loop."""
        self._loop_delay.observe(seconds)

    def observe_fetch(self, issuer: str, outcome: str) -> None:
        """Count one fetch of an issuer's key set."""
        self._fetches.labels(issuer, outcome).inc()

    def observe_exchange(self, issuer: str, outcome: str) -> None:
        """Count one refresh at a provider."""
        self._exchanges.labels(issuer, outcome).inc()

    def observe_resync(self) -> None:
        """Count one replacement of the log."""
        self._resyncs.inc()

    def watch(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Show a number that is read when the metrics are."""
        Gauge(f"sessiond_{name}", help_text, registry=self._registry).set_function(read)

    def watch_key_set(self, issuer: str, *, read_age: Callable[[], float], read_unknown: Callable[[], float]) -> None:
        """Show the age of an issuer's keys, and how many tokens named one that it does not have."""
        self._key_set_age.labels(issuer).set_function(read_age)
        self._unknown_keys.labels(issuer).set_function(read_unknown)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)
