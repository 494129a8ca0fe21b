"""What `/metrics` shows; every label comes from configuration or an enumeration."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from sessiond_server import __version__
from sessiond_server.adapters.telemetry.calls import GrpcCalls
from sessiond_server.adapters.telemetry.counters import COUNTED
from sessiond_server.adapters.telemetry.exposition import expose
from sessiond_server.adapters.telemetry.families import Counters, Histograms, ReadNumbers
from sessiond_server.adapters.telemetry.merged import Plain, to_plain
from sessiond_server.service.telemetry import (
    CallType,
    ExchangeOutcome,
    Exposition,
    HttpRefusal,
    RefreshTokenFate,
    SessionSource,
    StoreErrorKind,
    Telemetry,
)

# Each bound is a series for each script, of which there are forty; the store has 0.25 s to answer.
_STORE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25)
_LOOP_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class PrometheusTelemetry(Telemetry, Collector):
    """All metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        # When a series began is a second series of each, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        _show_itself(self._registry)
        self._grpc = GrpcCalls(self._registry)
        self._read = ReadNumbers(self._registry)
        self._counted = {event: Counters(self._registry, *one) for event, one in COUNTED.items()}
        # They are counted at every call.
        self._calls, self._verdicts = self._counted["call_ended"], self._counted["verdicts_given"]
        self._store_seconds = Histograms(
            self._registry,
            "sessiond_store_seconds",
            "Duration of store scripts",
            ["script"],
            bounds=_STORE_BOUNDS,
        )
        self._foreseen: Mapping[str, Counters | Histograms] = {
            **self._counted,
            "store_called": self._store_seconds,
        }
        self._loop_delay = Histogram(
            "sessiond_event_loop_delay_seconds",
            "How much later than it asked for a timer of the event loop fires",
            buckets=_LOOP_BOUNDS,
            registry=self._registry,
        )

    @override
    def methods_served(self, service: str, methods: Mapping[str, CallType]) -> None:
        self._grpc.name(service, methods)

    @override
    def foresee(self, event: str, words: Iterable[tuple[str, ...]]) -> None:
        for one in words:
            self._foreseen[event][one]

    @override
    def call_began(self, method: str) -> None:
        self._grpc.began(method)

    @override
    def call_ended(self, method: str, code: str, caller: str | None, seconds: float | None) -> None:
        self._grpc.ended(method, code, seconds)
        if caller is not None:
            self._calls[method, code, caller].inc()

    @override
    def verdicts_given(self, method: str, verdict: str, count: int) -> None:
        self._verdicts[method, verdict].inc(count)

    @override
    def session_created(self, source: SessionSource) -> None:
        self._counted["session_created"][source,].inc()

    @override
    def sessions_ended(self, cause: str, count: int) -> None:
        self._counted["sessions_ended"][cause,].inc(count)

    @override
    def token_refreshed(self, outcome: str) -> None:
        self._counted["token_refreshed"][outcome,].inc()

    @override
    def exchange_tried(self, issuer: str, outcome: ExchangeOutcome) -> None:
        self._counted["exchange_tried"][issuer, outcome].inc()

    @override
    def exchanged_ahead(self, issuer: str, outcome: str) -> None:
        self._counted["exchanged_ahead"][issuer, outcome].inc()

    @override
    def provider_erred(self, issuer: str, error: str) -> None:
        self._counted["provider_erred"][issuer, error].inc()

    @override
    def rotation_contradicted(self, issuer: str, refresh_token: RefreshTokenFate) -> None:
        self._counted["rotation_contradicted"][issuer, refresh_token].inc()

    @override
    def refresh_life_unread(self, issuer: str) -> None:
        self._counted["refresh_life_unread"][issuer,].inc()

    @override
    def scopes_widened(self, issuer: str) -> None:
        self._counted["scopes_widened"][issuer,].inc()

    @override
    def log_resynced(self, why: str) -> None:
        self._counted["log_resynced"][why,].inc()

    @override
    def store_regressed(self) -> None:
        self._counted["store_regressed"][()].inc()

    @override
    def revocations_reasserted(self, count: int) -> None:
        self._counted["revocations_reasserted"][()].inc(count)

    @override
    def store_run_changed(self) -> None:
        self._counted["store_run_changed"][()].inc()

    @override
    def key_set_fetched(self, issuer: str, outcome: str) -> None:
        self._counted["key_set_fetched"][issuer, outcome].inc()

    @override
    def workload_token_judged(self, issuer: str, outcome: str) -> None:
        self._counted["workload_token_judged"][issuer, outcome].inc()

    @override
    def store_called(self, script: str, seconds: float) -> None:
        self._store_seconds[script,].observe(seconds)

    @override
    def store_failed(self, script: str, kind: StoreErrorKind) -> None:
        self._counted["store_failed"][script, kind].inc()

    @override
    def rate_limited(self, activity: str, per: str) -> None:
        self._counted["rate_limited"][activity, per].inc()

    @override
    def key_missing(self, kind: str) -> None:
        self._counted["key_missing"][kind,].inc()

    @override
    def loop_delayed(self, seconds: float) -> None:
        self._loop_delay.observe(seconds)

    @override
    def stood_still(self, seconds: float) -> None:
        self._counted["stood_still"][()].inc()

    @override
    def embedded_store_died(self) -> None:
        self._counted["embedded_store_died"][()].inc()

    @override
    def work_failed(self, work: str) -> None:
        self._counted["work_failed"][work,].inc()

    @override
    def http_refused(self, cause: HttpRefusal) -> None:
        self._counted["http_refused"][cause,].inc()

    @override
    def watch_event_sent(self, event: str) -> None:
        self._counted["watch_event_sent"][event,].inc()

    @override
    def watch_ended(self, outcome: str) -> None:
        self._counted["watch_ended"][outcome,].inc()

    @override
    def gauge(self, name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
        self._read.add(f"sessiond_{name}", meaning, read, labels, grows=False)

    @override
    def counter(self, name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
        self._read.add(f"sessiond_{name}", meaning, read, labels, grows=True)

    @override
    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._registry.collect()

    async def counted(self) -> Plain:
        """The same as JSON has it; between two metrics whatever else is due goes first."""
        plain: list[Any] = []
        for metric in self.collect():
            plain += to_plain([metric])
            await asyncio.sleep(0)
        return plain

    async def expose(self, *, accept: str = "", accept_encoding: str = "") -> Exposition:
        """What Prometheus scrapes, in the form that it asks for."""
        return await expose(self, accept=accept, accept_encoding=accept_encoding)


def _show_itself(registry: CollectorRegistry) -> None:
    """What the operating system says of this process, and which program it is."""
    ProcessCollector(registry=registry)
    build = Gauge(
        "sessiond_build_info",
        "What runs here; the value is always 1",
        ["version", "python"],
        registry=registry,
    )
    build.labels(__version__, platform.python_version()).set(1)
