"""Spans by the conventions, and nothing in them that an address or an exception may hide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry import context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from sessiond_server.adapters.telemetry.otel import OpenTelemetryTracer
from sessiond_server.domain.address import Address
from sessiond_server.transport.engine.tracing import CallTracing

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD = "sessiond.v1.SessionService/RefreshSession"
SECRET = "sesame"
AT = Address("127.0.0.1", 50051)


class Traced:
    """A tracer, and the spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = OpenTelemetryTracer(provider)

    def ended(self) -> dict[str, ReadableSpan]:
        return {one.name: one for one in self.exporter.get_finished_spans()}

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.ended()[name].attributes or {})


@pytest.fixture
def traced() -> Iterator[Traced]:
    before = context.attach(context.Context())
    yield Traced()
    context.detach(before)


FAULTS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
ANSWERS = {"OK", "CANCELLED", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize("code", sorted(FAULTS | ANSWERS))
def test_a_status_that_is_our_fault_is_an_error_and_no_other(traced: Traced, code: str) -> None:
    traced.tracer.begin_call(METHOD, headers=(), at=AT).end(code)
    attributes = traced.attributes(METHOD)
    assert attributes["rpc.response.status_code"] == code
    assert attributes.get("error.type") == (code if code in FAULTS else None)
    is_error = traced.ended()[METHOD].status.status_code is StatusCode.ERROR
    assert is_error is (code in FAULTS)


def test_a_server_on_a_socket_is_named_by_its_path(traced: Traced) -> None:
    at = Address(path=Path("/run/sessiond/s.sock"))
    call = traced.tracer.begin_call(METHOD, headers=(), at=at)
    call.came_from("")
    call.end("OK")
    attributes = traced.attributes(METHOD)
    assert attributes["server.address"] == "/run/sessiond/s.sock"
    assert not {"server.port", "network.peer.address"} & attributes.keys()


def test_of_what_fails_its_kind_is_told_alone(traced: Traced) -> None:
    call = traced.tracer.begin_call(METHOD, headers=(), at=AT)
    with pytest.raises(ValueError, match=SECRET), traced.tracer.script("rotate"):
        raise ValueError(SECRET)
    call.end("UNAVAILABLE")
    script = traced.ended()["EVALSHA rotate"]
    assert traced.attributes(script.name)["error.type"] == "ValueError"
    assert (script.status.status_code, script.status.description) == (StatusCode.ERROR, None)
    assert SECRET not in script.to_json()
    assert script.events == ()


def test_of_an_issuers_address_neither_password_nor_query_is_told(traced: Traced) -> None:
    call = traced.tracer.begin_call(METHOD, headers=(), at=AT)
    url = f"https://{SECRET}:{SECRET}@id.example/token?key={SECRET}"
    with traced.tracer.request("POST", url, issuer="https://id.example") as request:
        request.answered(503)
    call.end("OK")
    assert traced.attributes("POST") == {
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "server.address": "id.example",
        "server.port": 443,
        "url.full": "https://id.example/token",
        "sessiond.issuer": "https://id.example",
        "error.type": "503",
    }


@pytest.mark.parametrize(
    "url", ["https://id.example:many/keys", "https://id.example:99999/keys", "https://[::1/keys"]
)
def test_an_address_that_is_none_is_asked_for_all_the_same(traced: Traced, url: str) -> None:
    """An issuer's discovery document may name anything: whoever makes the request finds out."""
    call = traced.tracer.begin_call(METHOD, headers=(), at=AT)
    with traced.tracer.request("GET", url, issuer="https://id.example") as request:
        request.failed("REFUSED_ADDRESS")
    call.end("OK")
    assert traced.attributes("GET") == {
        "http.request.method": "GET",
        "sessiond.issuer": "https://id.example",
        "error.type": "REFUSED_ADDRESS",
    }


def test_a_request_that_was_not_answered_says_why(traced: Traced) -> None:
    call = traced.tracer.begin_call(METHOD, headers=(), at=AT)
    with traced.tracer.request("GET", "http://id.example/keys", issuer="https://id.example") as request:
        request.failed("NO_REPLY")
    call.end("OK")
    attributes = traced.attributes("GET")
    assert (attributes["error.type"], attributes["server.port"]) == ("NO_REPLY", 80)


def test_without_a_call_there_is_no_span_and_nobody_to_name(traced: Traced) -> None:
    with traced.tracer.script("poll"), traced.tracer.request("GET", "https://a.example", issuer="a"):
        assert traced.tracer.ids() is None
    traced.tracer.judged("ACCEPTED", "https://id.example")
    assert traced.ended() == {}


@pytest.mark.parametrize("count", [0, 2])
def test_a_context_that_is_told_twice_counts_for_nothing(traced: Traced, count: int) -> None:
    header = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    traced.tracer.begin_call(METHOD, headers=[header] * count, at=AT).end("OK")
    assert traced.ended()[METHOD].parent is None


async def test_what_escapes_every_guard_is_no_good_call(traced: Traced) -> None:
    """grpcio tells its caller UNKNOWN."""

    async def broken(_request: bytes, _context: Any) -> bytes:
        raise ValueError(SECRET)

    service, _, method = METHOD.partition("/")
    server = grpc.aio.server(interceptors=[CallTracing(traced.tracer, service, [method], at=AT)])
    handlers = {method: grpc.unary_unary_rpc_method_handler(broken)}
    server.add_registered_method_handlers(service, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary(f"/{METHOD}")(b"", timeout=5)
    await server.stop(None)
    assert failed.value.code() is grpc.StatusCode.UNKNOWN
    assert traced.attributes(METHOD)["rpc.response.status_code"] == "UNKNOWN"
    assert traced.ended()[METHOD].status.status_code is StatusCode.ERROR
    assert SECRET not in traced.ended()[METHOD].to_json()
