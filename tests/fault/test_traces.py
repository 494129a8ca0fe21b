"""What a server tells a collector of traces: every call and what was done for it, and nothing of a token."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sessiond import AsyncClient, ProviderTokens, SessiondError
from sessiond.v1 import session_service_pb2
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.config import Config, scalekit
from tests.support.idp import running_idp
from tests.support.otlp import Collector, collector
from tests.support.server import Server, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ISSUER = "https://sessions.example"
LOCAL = {"issuer": ISSUER, "preset": "local", "audiences": ["web"], "client_id": "web"}
SERVICE = "sessiond.v1.SessionService"
TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


@asynccontextmanager
async def traced(
    directory: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *issuers: dict[str, Any]
) -> AsyncIterator[tuple[Server, AsyncClient]]:
    config = Config(directory, issuers=[*issuers, LOCAL])
    key = config.caller("web", ["validate", "session", "mint", "watch"])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with (
        serving(config.write(), config.data, directory / "log") as server,
        AsyncClient(server.grpc, key=key, timeout=5, cache=None) as client,
    ):
        server.key_file = directory / "web.key"
        yield server, client


@pytest.fixture
async def sink() -> AsyncIterator[Collector]:
    async with collector() as found:
        yield found


async def validate(server: Server, token: str, *headers: tuple[str, str]) -> Any:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        stub: Any = SessionServiceStub(channel)
        metadata = (("authorization", f"Bearer {server.key}"), *headers)
        return await stub.ValidateToken(
            session_service_pb2.ValidateTokenRequest(token=token), metadata=metadata, timeout=5
        )


async def test_a_call_is_a_span_by_the_conventions_in_the_trace_of_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, client):
        tokens = await client.create_local_session("alice@example.com")
        await validate(server, tokens.access_token, ("traceparent", TRACEPARENT), ("x-request-id", "r-1"))
        span = await sink.span("ValidateToken")
        assert span.name == f"{SERVICE}/ValidateToken"
        assert span.span.kind == Span.SPAN_KIND_SERVER
        assert (span.trace_id, span.parent) == (TRACE_ID, PARENT_ID)
        host, _, port = server.grpc.rpartition(":")
        assert span.attributes == {
            "rpc.system.name": "grpc",
            "rpc.method": f"{SERVICE}/ValidateToken",
            "rpc.response.status_code": "OK",
            "server.address": host,
            "server.port": int(port),
            "network.peer.address": "127.0.0.1",
            "sessiond.verdict": "ACCEPTED",
            "sessiond.issuer": ISSUER,
        }
        assert span.span.status.code == Status.STATUS_CODE_UNSET
        assert sink.resources[0]["service.name"] == "sessiond"
        (line,) = await server.said(event="call", method="ValidateToken")
        assert (line["trace_id"], line["span_id"]) == (TRACE_ID, span.span_id)


async def test_a_rejected_token_is_an_answer_and_a_refused_call_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, _):
        await validate(server, "a.b.c")
        span = await sink.span("ValidateToken")
        assert span.attributes["sessiond.verdict"] == "MALFORMED"
        assert "sessiond.issuer" not in span.attributes
        async with AsyncClient(server.grpc, key="wrong" * 9, timeout=5) as stranger:
            with pytest.raises(SessiondError):
                await stranger.get_session("s")
        refused = await sink.span("GetSession")
        assert refused.attributes["rpc.response.status_code"] == "PERMISSION_DENIED"
        assert refused.attributes["network.peer.address"] == "127.0.0.1"
        assert "error.type" not in refused.attributes
        assert refused.span.status.code == Status.STATUS_CODE_UNSET
        (line,) = await server.said(event="call", reason="CALLER_UNKNOWN")
        assert line["span_id"] == refused.span_id


async def test_what_is_done_for_a_call_is_below_it_and_what_is_polled_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with (
        running_idp(tmp_path / "idp.json") as idp,
        traced(
            tmp_path, monkeypatch, sink.environment, scalekit(idp.issuer, tmp_path, tenants=["org_1"])
        ) as (_, client),
    ):
        login = await idp.login()
        given = ProviderTokens(login["access_token"], login["refresh_token"], login["id_token"])
        opened = await client.create_session(idp.issuer, given)
        await client.refresh(opened.refresh_token)
        call = await sink.span("RefreshSession")
        scripts = {one.attributes.get("db.stored_procedure.name"): one for one in sink.below(call)}
        assert {"rotate", "commit"} <= set(scripts)
        rotate = scripts["rotate"]
        assert rotate.name == "EVALSHA rotate"
        assert rotate.span.kind == Span.SPAN_KIND_CLIENT
        assert rotate.attributes["db.system.name"] == "redis"
        (exchange,) = [one for one in sink.below(call) if one.name == "POST"]
        assert exchange.span.kind == Span.SPAN_KIND_CLIENT
        assert exchange.attributes == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "server.address": "127.0.0.1",
            "server.port": int(idp.issuer.rpartition(":")[2]),
            "url.full": f"{idp.issuer}/oauth/token",
            "sessiond.issuer": idp.issuer,
        }
        roots = {one.name for one in sink.spans() if not one.parent}
        assert roots <= {f"{SERVICE}/{name}" for name in ("CreateSession", "RefreshSession")}


async def test_nothing_that_is_exported_has_a_token_a_subject_or_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, client):
        first = await client.create_local_session("alice@example.com")
        second = await client.refresh(first.refresh_token)
        secret_state = ("tracestate", f"vendor={second.session.session_id}")
        await validate(server, second.access_token, ("traceparent", TRACEPARENT), secret_state)
        await client.validate(f"{second.access_token}x")
        await client.revoke_session(second.session.session_id)
        await sink.span("RevokeSession")
    exported = sink.exported
    assert b"RefreshSession" in exported
    secrets = [first.access_token, first.refresh_token, second.access_token, second.refresh_token]
    parts = [part for secret in secrets for part in secret.split(".") if len(part) > 8]
    for hidden in (*secrets, *parts, "alice", second.session.session_id, server.key or ""):
        assert hidden.encode() not in exported


async def test_audit_events_name_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, client):
        await client.create_local_session("alice@example.com")
        span = await sink.span("CreateSession")
        (event,) = await server.said(event="audit", action="session.created")
        assert (event["trace_id"], event["span_id"]) == (span.trace_id, span.span_id)


@pytest.mark.parametrize("header", ["none", "00-zz", f"{TRACEPARENT}-more", "00-" + "0" * 32 + "-1-01"])
async def test_what_is_no_context_begins_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector, header: str
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, _):
        await validate(server, "a.b.c", ("traceparent", header))
        span = await sink.span("ValidateToken")
        assert not span.parent
        assert span.trace_id != TRACE_ID


async def test_a_caller_that_does_not_want_to_be_traced_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, _):
        await validate(server, "a.b.c", ("traceparent", TRACEPARENT[:-2] + "00"))
        await validate(server, "a.b.c")
        assert (await sink.span("ValidateToken")).trace_id != TRACE_ID


async def test_health_and_made_up_methods_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment) as (server, _):
        async with grpc.aio.insecure_channel(server.grpc) as channel:
            assert await channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5)
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/{SERVICE}/Nothing")(b"", timeout=5)
        await validate(server, "a.b.c")
        await sink.span("ValidateToken")
        assert len(sink.spans()) == 1


@pytest.mark.slow
async def test_a_call_whose_time_is_over_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with (
        running_idp(tmp_path / "idp.json") as idp,
        traced(
            tmp_path, monkeypatch, sink.environment, scalekit(idp.issuer, tmp_path, tenants=["org_1"])
        ) as (server, client),
    ):
        login = await idp.login()
        given = ProviderTokens(login["access_token"], login["refresh_token"], login["id_token"])
        opened = await client.create_session(idp.issuer, given)
        await idp.switch(latency=1.0)
        request = session_service_pb2.RefreshSessionRequest(refresh_token=opened.refresh_token)
        async with grpc.aio.insecure_channel(server.grpc) as channel:
            stub: Any = SessionServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.RefreshSession(
                    request, metadata=(("authorization", f"Bearer {server.key}"),), timeout=0.3
                )
        call = await sink.span("RefreshSession")
        assert call.attributes["error.type"] == "DEADLINE_EXCEEDED"
        assert call.span.status.code == Status.STATUS_CODE_ERROR
        assert not call.span.status.message


async def test_a_stream_is_a_span_until_its_watcher_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Collector
) -> None:
    async with (
        traced(tmp_path, monkeypatch, sink.environment) as (server, _),
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        stub: Any = SessionServiceStub(channel)
        request = session_service_pb2.WatchRevocationsRequest()
        watch = stub.WatchRevocations(request, metadata=(("authorization", f"Bearer {server.key}"),))
        assert await watch.read()
        assert sink.spans("WatchRevocations") == []
        watch.cancel()
        span = await sink.span("WatchRevocations")
        assert span.attributes["rpc.response.status_code"] == "CANCELLED"
        assert "error.type" not in span.attributes


@pytest.mark.slow
async def test_a_collector_that_is_away_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections, and answers none: spans wait, some are dropped, and the server ends in time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_BSP_MAX_QUEUE_SIZE": "4",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
            # The first batch hangs for longer than the test may take.
            "OTEL_EXPORTER_OTLP_TIMEOUT": "600",
        }
        async with traced(tmp_path, monkeypatch, dead) as (server, client):
            tokens = await client.create_local_session("alice@example.com")
            for _ in range(20):
                await validate(server, tokens.access_token)
            assert await server.stop() == 0
    assert server.events()[-1] == "stopped"
    assert {line["level"] for line in server.lines()} <= {"info", "warning"}


async def test_a_collector_that_refuses_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = grpc.aio.server()
    port = refusing.add_insecure_port("127.0.0.1:0")
    await refusing.start()
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "10"}
    async with traced(tmp_path, monkeypatch, away) as (server, _):
        await validate(server, "a.b.c")
        await server.said(event="the collector of traces does not take them")

        async def lost() -> float:
            _, lines = await server.page("/metrics")
            return next(
                float(one.split()[1]) for one in lines if one.startswith("sessiond_spans_not_exported_total ")
            )

        assert await eventually(lost) == 1
        await validate(server, "a.b.c")

        async def both() -> bool:
            return await lost() >= 2

        await eventually(both)
        assert await server.stop() == 0
    assert server.events().count("the collector of traces does not take them") == 1
    assert "a library reports something" not in server.events()
    await refusing.stop(None)


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "OTEL_EXPORTER_OTLP_PROTOCOL is"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "OpenTelemetry does not allow"),
        ({"OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
    ],
)
async def test_where_calls_are_not_traced_a_line_says_why_or_nobody_wanted_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sink: Collector,
    environment: dict[str, str],
    why: str | None,
) -> None:
    async with traced(tmp_path, monkeypatch, sink.environment | environment) as (server, _):
        await validate(server, "a.b.c", ("traceparent", TRACEPARENT))
        (line,) = await server.said(event="call", method="ValidateToken")
        assert "trace_id" not in line
        told = [one["why"] for one in server.lines() if one["event"] == "calls are not traced"]
        assert bool(told) is bool(why)
        assert all(why in one for one in told if why)
    assert sink.requests == []


_UNTRACED = """
import asyncio, json, sys
from contextlib import AsyncExitStack
import sessiond_server.app.serve
from sessiond_server.app.tracing import open_tracing
from tests.support.fakes import SilentLogger, SilentTelemetry
asyncio.run(open_tracing({}, AsyncExitStack(), telemetry=SilentTelemetry(), logger=SilentLogger()))
print(json.dumps([one for one in sys.modules if one.endswith(".otel") or "opentelemetry.exporter" in one]))
"""


def test_without_an_endpoint_nothing_of_tracing_is_loaded() -> None:
    command = [sys.executable, "-c", _UNTRACED]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert json.loads(said) == []
