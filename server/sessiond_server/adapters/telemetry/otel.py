"""Traces for a collector of OpenTelemetry, by OTLP over gRPC, as the standard `OTEL_…` variables say.

Nobody waits for the collector: spans wait in a queue of bounded length, and what finds no room is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from sessiond_server import __version__
from sessiond_server.adapters.telemetry import conventions as names
from sessiond_server.domain.address import Address
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import CallTrace, Headers, RequestTrace, TraceIds, Tracer

_TRACEPARENT: Final = "traceparent"
# What is left is sent at the end for so long, and then what hangs has as much time to notice that it is over.
_LAST_SPANS_SECONDS: Final = 1.0
_FIRST_ERROR_OF_HTTP: Final = 400


@asynccontextmanager
async def exported_traces(*, telemetry: Telemetry, logger: Logger) -> AsyncIterator[Tracer]:
    """A tracer whose spans are sent to the collector until the context closes, and a second longer at most.

    Raises:
        Exception: the variables of OpenTelemetry are not as it wants them, in whatever words.
    """
    # A collector that is away is told of once, by us; what strangers' headers are like is no news.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter()
    told = _ToldExporter(exporter, logger)
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(told))
    telemetry.counter(
        "spans_not_exported_total",
        "Spans that the collector of traces did not take",
        lambda: told.not_exported,
    )
    try:
        yield OpenTelemetryTracer(provider)
    finally:
        await asyncio.to_thread(_close, provider, exporter)


def _close(provider: TracerProvider, exporter: OTLPSpanExporter) -> None:
    """Send what is left; by itself the provider would wait for a collector that is away for half a minute."""
    closing = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    closing.start()
    closing.join(_LAST_SPANS_SECONDS)
    exporter.shutdown()
    closing.join(_LAST_SPANS_SECONDS)


def _resource() -> Resource:
    """What is said of this server: our words, where the environment has no others."""
    ours = Resource.create({"service.name": "sessiond", "service.version": __version__})
    return ours.merge(OTELResourceDetector().detect())


class _ToldExporter(SpanExporter):
    """Tells once that spans are not taken, and once that they are again; from the thread that exports."""

    def __init__(self, exporter: SpanExporter, logger: Logger) -> None:
        self._exporter = exporter
        self._logger = logger
        self._is_away = False
        self.not_exported = 0

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        if is_away:
            self.not_exported += len(spans)
        if is_away and not self._is_away:
            self._logger.warning("the collector of traces does not take them")
        if self._is_away and not is_away:
            self._logger.info("the collector of traces takes them again", lost=self.not_exported)
        self._is_away = is_away
        return result

    @override
    def shutdown(self) -> None:
        self._exporter.shutdown()


class _OfHeaders(Getter[Headers]):
    """Reads `traceparent` alone: of several none counts, and `tracestate` may hold whatever a peer likes."""

    @override
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        found = [str(value) for name, value in carrier if name == key == _TRACEPARENT]
        return found if len(found) == 1 else None

    @override
    def keys(self, carrier: Headers) -> list[str]:
        return [name for name, _ in carrier]


_OF_HEADERS: Final = _OfHeaders()
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class _CallSpan(CallTrace):
    def __init__(self, span: Span) -> None:
        self._span = span

    @override
    def came_from(self, address: str) -> None:
        if address:
            self._span.set_attribute(names.NETWORK_PEER_ADDRESS, address)

    @override
    def end(self, code: str) -> None:
        self._span.set_attribute(names.RPC_RESPONSE_STATUS_CODE, code)
        if code in names.FAULTS_OF_A_SERVER:
            _fail(self._span, code)
        self._span.end()


class _RequestSpan(RequestTrace):
    def __init__(self, span: Span) -> None:
        self._span = span

    @override
    def answered(self, status: int) -> None:
        self._span.set_attribute(names.HTTP_RESPONSE_STATUS_CODE, status)
        if status >= _FIRST_ERROR_OF_HTTP:
            _fail(self._span, str(status))

    @override
    def failed(self, why: str) -> None:
        _fail(self._span, why)


class OpenTelemetryTracer(Tracer):
    """Makes spans by the conventions; what belongs to which call is known by the context of the task."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer("sessiond", __version__)

    @override
    def begin_call(self, method: str, *, headers: Headers, at: Address) -> CallTrace:
        span = self._tracer.start_span(
            method,
            _PROPAGATOR.extract(headers, context.Context(), getter=_OF_HEADERS),
            SpanKind.SERVER,
            {names.RPC_SYSTEM_NAME: "grpc", names.RPC_METHOD: method, **_server(at)},
        )
        # It is never taken back: the task that it is known to ends with the call.
        context.attach(trace.set_span_in_context(span))
        return _CallSpan(span)

    @override
    @contextmanager
    def script(self, name: str) -> Iterator[None]:
        attributes = {
            names.DB_SYSTEM_NAME: "redis",
            names.DB_OPERATION_NAME: "EVALSHA",
            names.DB_STORED_PROCEDURE_NAME: name,
        }
        with self._client(f"EVALSHA {name}", attributes):
            yield

    @override
    @contextmanager
    def request(self, method: str, url: str, *, issuer: str) -> Iterator[RequestTrace]:
        attributes: Mapping[str, str | int] = {
            names.HTTP_REQUEST_METHOD: method,
            **_asked(url),
            names.SESSIOND_ISSUER: issuer,
        }
        with self._client(method, attributes) as span:
            yield _RequestSpan(span)

    @override
    def judged(self, verdict: str, issuer: str | None) -> None:
        span = trace.get_current_span()
        span.set_attribute(names.SESSIOND_VERDICT, verdict)
        if issuer:
            span.set_attribute(names.SESSIOND_ISSUER, issuer)

    @override
    def ids(self) -> TraceIds | None:
        known = trace.get_current_span().get_span_context()
        if not known.is_valid:
            return None
        return TraceIds(trace.format_trace_id(known.trace_id), trace.format_span_id(known.span_id))

    @contextmanager
    def _client(self, name: str, attributes: Mapping[str, str | int]) -> Iterator[Span]:
        """A span below the call's; none, and nothing is kept of it, where there is no call."""
        if not trace.get_current_span().get_span_context().is_valid:
            yield trace.INVALID_SPAN
            return
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            yield span
        except BaseException as error:
            # Its kind alone: a text may quote what was being worked on.
            _fail(span, type(error).__name__)
            raise
        finally:
            span.end()


def _server(at: Address) -> dict[str, str | int]:
    if at.path:
        return {names.SERVER_ADDRESS: str(at.path)}
    return {names.SERVER_ADDRESS: at.host, names.SERVER_PORT: at.port}


def _asked(url: str) -> dict[str, str | int]:
    """Who is asked; nothing of an address that is none, of which whoever makes the request tells."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return {}
    return {
        names.SERVER_ADDRESS: parts.hostname or "",
        names.SERVER_PORT: port,
        # Whatever else there may be in an address is not for those who read traces.
        names.URL_FULL: f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
    }


def _fail(span: Span, kind: str) -> None:
    span.set_attribute(names.ERROR_TYPE, kind)
    span.set_status(StatusCode.ERROR)
