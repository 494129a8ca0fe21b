"""Traces calls: from their headers to their status, whether they are handled or refused at the door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc
from typing_extensions import override

from sessiond_server.domain.address import Address
from sessiond_server.service.tracing import CallTrace, Tracer
from sessiond_server.transport.engine.calls import CODES, AnyHandler, Context

_Behaviour: TypeAlias = Callable[[Any, Context], Awaitable[Any]]
_FindHandler: TypeAlias = Callable[["grpc.HandlerCallDetails"], Awaitable["AnyHandler | None"]]


class CallTracing(grpc.aio.ServerInterceptor):
    """Stands before the doorkeeper; what is none of the `methods` of `service` leaves no trace.

    What is asked every few seconds is among that, and so are the names that strangers make up.
    """

    def __init__(self, tracer: Tracer, service: str, methods: Iterable[str], *, at: Address) -> None:
        self._tracer = tracer
        self._names = {f"/{service}/{method}": f"{service}/{method}" for method in methods}
        self._address = at

    def listens(self, at: Address) -> None:
        """The address that calls come to, once its port is known."""
        self._address = at

    @override
    async def intercept_service(
        self, continuation: _FindHandler, handler_call_details: grpc.HandlerCallDetails
    ) -> AnyHandler | None:
        name = self._names.get(handler_call_details.method)
        if name is None:
            return await continuation(handler_call_details)
        headers: Any = handler_call_details.invocation_metadata or ()
        trace = self._tracer.begin_call(name, headers=headers, at=self._address)
        try:
            handler = await continuation(handler_call_details)
        except asyncio.CancelledError:
            trace.end(grpc.StatusCode.CANCELLED.name)
            raise
        return _traced(handler, trace) if handler else None


def _traced(handler: AnyHandler, trace: CallTrace) -> AnyHandler:
    """The same handler for this one call, which ends its trace: it is of one of three kinds."""
    if handler.stream_stream:
        return grpc.stream_stream_rpc_method_handler(_ending(handler.stream_stream, trace))
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(_ending(handler.unary_stream, trace))
    return grpc.unary_unary_rpc_method_handler(_ending(handler.unary_unary, trace))


def _ending(behaviour: Any, trace: CallTrace) -> Any:
    serve: _Behaviour = behaviour

    async def traced(request: Any, context: Context) -> Any:
        trace.came_from(_address_of(context.peer()))
        # So grpcio calls what it does not know, which the guard lets nothing be.
        code = grpc.StatusCode.UNKNOWN.name
        try:
            answer = await serve(request, context)
        except grpc.aio.AbortError:
            code = _code_of(context)
            raise
        except asyncio.CancelledError:
            code = _why_cancelled(context)
            raise
        else:
            code = grpc.StatusCode.OK.name
            return answer
        finally:
            trace.end(code)

    return traced


def _code_of(context: Context) -> str:
    """The name of the code that a call was ended with; grpcio tells its number, whatever its types say."""
    code: Any = context.code()
    return (code if isinstance(code, grpc.StatusCode) else CODES[code]).name


def _why_cancelled(context: Context) -> str:
    """A caller whose time is over sees another status than one that has left."""
    remaining = context.time_remaining()
    is_over = remaining is not None and remaining <= 0
    return (grpc.StatusCode.DEADLINE_EXCEEDED if is_over else grpc.StatusCode.CANCELLED).name


def _address_of(peer: str) -> str:
    """The IP address in what grpcio calls a peer, `ipv4:192.0.2.1:4711`; empty for that of a socket."""
    kind, _, address = unquote(peer).partition(":")
    host, _, _ = address.rpartition(":")
    return host.strip("[]") if kind in {"ipv4", "ipv6"} else ""
