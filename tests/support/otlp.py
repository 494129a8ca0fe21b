"""A collector of traces: it takes what a server exports by OTLP over gRPC, and keeps it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Collected:
    """A span as a test reads it."""

    span: Any
    attributes: dict[str, Any]

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def span_id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()


@dataclass
class Collector(TraceServiceServicer):
    """What has come so far."""

    address: str = ""
    requests: list[Any] = field(default_factory=list)

    async def Export(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the method's name in the schema
        self.requests.append(request)
        return messages.ExportTraceServiceResponse()

    @property
    def environment(self) -> dict[str, str]:
        """What a server is to be told to send its spans here soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self.address}", "OTEL_BSP_SCHEDULE_DELAY": "20"}

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [
            _plain(one.resource.attributes) for request in self.requests for one in request.resource_spans
        ]

    @property
    def exported(self) -> bytes:
        """Every byte of it."""
        return b"".join(request.SerializeToString() for request in self.requests)

    def spans(self, name: str = "") -> list[Collected]:
        return [
            Collected(span, _plain(span.attributes))
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if name in span.name
        ]

    async def span(self, name: str) -> Collected:
        """The one whose name has this in it, once it is there."""
        (found,) = await eventually(lambda: self.spans(name))
        return found

    def below(self, parent: Collected) -> list[Collected]:
        return [one for one in self.spans() if one.parent == parent.span_id]


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    server = grpc.aio.server()
    collected = Collector()
    add_TraceServiceServicer_to_server(collected, server)
    collected.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield collected
    finally:
        await server.stop(None)
