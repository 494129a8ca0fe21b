"""What `/metrics` shows; every label comes from configuration or an enumeration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from typing_extensions import override

from sessiond_server.service.storage.missing_keys import PEPPER, SEALING_KEY
from sessiond_server.service.telemetry import Telemetry

_CALL_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STORE_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
_LOOP_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class PrometheusTelemetry(Telemetry):
    """All metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        self._gauges: dict[str, Gauge] = {}
        self._calls = counter(
            "sessiond_calls_total",
            "Calls by method, status code and caller",
            ["method", "code", "caller"],
        )
        self._call_seconds = histogram(
            "sessiond_call_seconds", "Duration of calls", ["method"], buckets=_CALL_BUCKETS
        )
        self._verdicts = counter(
            "sessiond_verdicts_total",
            "Verdicts on tokens; verdict is ACCEPTED, UNDECIDED or the reason",
            ["verdict"],
        )
        self._refreshes = counter(
            "sessiond_refreshes_total",
            "Refreshes by outcome: ROTATED, ADOPTED, REPLAYED or the reason",
            ["outcome"],
        )
        self._store_seconds = histogram(
            "sessiond_store_seconds", "Duration of store scripts", ["script"], buckets=_STORE_BUCKETS
        )
        self._missing_keys = counter(
            "sessiond_missing_keys_total",
            "Calls for a session that needs a pepper or a sealing key that is not here",
            ["kind"],
        )
        # What was never counted raises no alarm when it is counted first.
        for kind in (PEPPER, SEALING_KEY):
            self._missing_keys.labels(kind)
        self._loop_delay = histogram(
            "sessiond_event_loop_delay_seconds",
            "How much later than it asked for a timer of the event loop fires",
            buckets=_LOOP_BUCKETS,
        )
        self._standstills = counter(
            "sessiond_standstills_total", "How often this process stood still for more than a second"
        )
        self._store_deaths = counter(
            "sessiond_embedded_store_deaths_total", "How often the embedded store died and was started again"
        )
        self._fetches = counter(
            "sessiond_key_set_fetches_total", "Fetches of key sets by outcome", ["issuer", "outcome"]
        )
        self._workload_tokens = counter(
            "sessiond_workload_tokens_total",
            "Tokens of workloads that were looked at; outcome is ACCEPTED or why it shows no caller",
            ["issuer", "outcome"],
        )
        self._exchanges = counter(
            "sessiond_exchanges_total", "Refreshes at providers by outcome", ["issuer", "outcome"]
        )
        self._exchanges_ahead = counter(
            "sessiond_exchanges_ahead_total",
            "Exchanges at providers before anybody needs them, by outcome",
            ["issuer", "outcome"],
        )
        self._provider_errors = counter(
            "sessiond_provider_errors_total",
            "Error codes of token and revocation endpoints; `other` for those that are not registered",
            ["issuer", "error"],
        )
        self._contradictions = counter(
            "sessiond_rotation_contradictions_total",
            "Exchanges that renewed a refresh token, or kept it, while the issuer's `rotation` differs",
            ["issuer", "refresh_token"],
        )
        self._unread_lives = counter(
            "sessiond_unread_refresh_lives_total",
            "Answers of token endpoints with a life of the refresh token that is no number of seconds",
            ["issuer"],
        )
        self._widened = counter(
            "sessiond_scopes_widened_total",
            "Access tokens to which a provider gave scopes that the login had not",
            ["issuer"],
        )
        self._resyncs = counter(
            "sessiond_revocation_resyncs_total",
            "How often the revocation log was read anew; why is INCARNATION, REGRESSED, DIVERGED or TRIMMED",
            ["why"],
        )
        self._regressions = counter(
            "sessiond_revocation_regressions_total",
            "How often the store was seen to have lost, or perhaps lost, acknowledged revocations",
        )
        self._reassertions = counter(
            "sessiond_revocation_reassertions_total", "Revocations that were lost and written again from here"
        )
        self._store_runs = counter(
            "sessiond_store_run_changes_total",
            "How often the store was seen in another run: restarted, or replaced by another",
        )
        self._rate_limited = counter(
            "sessiond_rate_limited_total",
            "What was refused because it was done too often, by what and by whom or to what",
            ["activity", "per"],
        )
        self._work_failures = counter(
            "sessiond_background_failures_total", "How often work in the background failed", ["work"]
        )
        self._watch_events = counter(
            "sessiond_watch_events_total", "Events that watchers of revocations were sent, by kind", ["event"]
        )
        self._watches_ended = counter(
            "sessiond_watches_ended_total",
            "Watches by how they ended; WATCH_FELL_BEHIND for those that were dropped",
            ["outcome"],
        )
        self._http_refusals = counter(
            "sessiond_http_refused_total",
            "What the HTTP port cut or refused; cause is FULL, SLOW, LARGE or MALFORMED",
            ["cause"],
        )

    @override
    def call_ended(self, method: str, code: str, caller: str, seconds: float | None) -> None:
        self._calls.labels(method, code, caller).inc()
        if seconds is not None:
            self._call_seconds.labels(method).observe(seconds)

    @override
    def verdicts_given(self, verdict: str, count: int) -> None:
        self._verdicts.labels(verdict).inc(count)

    @override
    def token_refreshed(self, outcome: str) -> None:
        self._refreshes.labels(outcome).inc()

    @override
    def exchange_tried(self, issuer: str, outcome: str) -> None:
        self._exchanges.labels(issuer, outcome).inc()

    @override
    def exchanged_ahead(self, issuer: str, outcome: str) -> None:
        self._exchanges_ahead.labels(issuer, outcome).inc()

    @override
    def provider_erred(self, issuer: str, error: str) -> None:
        self._provider_errors.labels(issuer, error).inc()

    @override
    def rotation_contradicted(self, issuer: str, refresh_token: str) -> None:
        self._contradictions.labels(issuer, refresh_token).inc()

    @override
    def refresh_life_unread(self, issuer: str) -> None:
        self._unread_lives.labels(issuer).inc()

    @override
    def scopes_widened(self, issuer: str) -> None:
        self._widened.labels(issuer).inc()

    @override
    def log_resynced(self, why: str) -> None:
        self._resyncs.labels(why).inc()

    @override
    def store_regressed(self) -> None:
        self._regressions.inc()

    @override
    def revocations_reasserted(self, count: int) -> None:
        self._reassertions.inc(count)

    @override
    def store_run_changed(self) -> None:
        self._store_runs.inc()

    @override
    def key_set_fetched(self, issuer: str, outcome: str) -> None:
        self._fetches.labels(issuer, outcome).inc()

    @override
    def workload_token_judged(self, issuer: str, outcome: str) -> None:
        self._workload_tokens.labels(issuer, outcome).inc()

    @override
    def store_called(self, script: str, seconds: float) -> None:
        self._store_seconds.labels(script).observe(seconds)

    @override
    def rate_limited(self, activity: str, per: str) -> None:
        self._rate_limited.labels(activity, per).inc()

    @override
    def key_missing(self, kind: str) -> None:
        self._missing_keys.labels(kind).inc()

    @override
    def loop_delayed(self, seconds: float) -> None:
        self._loop_delay.observe(seconds)

    @override
    def stood_still(self, seconds: float) -> None:
        self._standstills.inc()

    @override
    def embedded_store_died(self) -> None:
        self._store_deaths.inc()

    @override
    def work_failed(self, work: str) -> None:
        self._work_failures.labels(work).inc()

    @override
    def http_refused(self, cause: str) -> None:
        self._http_refusals.labels(cause).inc()

    @override
    def watch_event_sent(self, event: str) -> None:
        self._watch_events.labels(event).inc()

    @override
    def watch_ended(self, outcome: str) -> None:
        self._watches_ended.labels(outcome).inc()

    @override
    def gauge(self, name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"sessiond_{name}", meaning, list(labels), registry=self._registry)
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set_function(read)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)
