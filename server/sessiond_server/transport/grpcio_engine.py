"""The engine on grpcio's asyncio server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as StatusMessage
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.service.callers import Credentials
from sessiond_server.transport.addresses import refuse_taken, socket_claimed
from sessiond_server.transport.calls import Call, GuardedHandler, Reply, Status
from sessiond_server.transport.guard import GuardedStream
from sessiond_server.transport.tls import CertificateSource, server_credentials

ERROR_DOMAIN: Final = "sessiond"

_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_ReadCredentials: TypeAlias = Callable[[_Context], Credentials]
# Under which names gRPC tells what a verified client certificate says of its bearer.
_IDENTITY_PROPERTIES: Final = ("peer_spiffe_id", "x509_subject_alternative_name")
_MAX_REQUEST_BYTES: Final = 4 << 20
_MAX_REPLY_BYTES: Final = 8 << 20
_MAX_CONCURRENT_CALLS: Final = 2000
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", _MAX_REPLY_BYTES),
    # A stream limit makes grpcio reset streams of well-behaved clients unless its overload protection is off.
    ("grpc.max_concurrent_streams", 1000),
    ("grpc.http.overload_protection", 0),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.http2.max_ping_strikes", 2),
    # Clients reconnect now and then, so that load spreads over replicas that came later.
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.max_connection_idle_ms", 600_000),
    # A second server on the same port is an error to be seen, not a second half of the calls.
    ("grpc.so_reuseport", 0),
)


class GrpcioEngine:
    """grpc.aio, handed raw bytes: parsing happens behind the guard.

    `with_reflection` lets anyone who can call list the methods.
    """

    def __init__(
        self,
        address: Address,
        *,
        service: str,
        methods: Mapping[str, GuardedHandler],
        streams: Mapping[str, GuardedStream],
        with_reflection: bool,
        certificates: CertificateSource | None = None,
        socket_mode: int = 0o660,
    ) -> None:
        self._address = address
        self._service = service
        self._certificates = certificates
        self._socket_mode = socket_mode
        self._claims = ExitStack()
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MAX_CONCURRENT_CALLS)
        credentials = _credentials_with_certificate if certificates else _credentials
        handlers = {name: _unary(name, handler, credentials) for name, handler in methods.items()}
        handlers |= {name: _stream(name, handler, credentials) for name, handler in streams.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if with_reflection:
            names = (service, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    async def start(self) -> Address:
        """See `Engine.start`."""
        await self.set_serving(serving=False)
        path = self._address.path
        if path:
            self._claims.enter_context(socket_claimed(path))
        else:
            refuse_taken(self._address)
        try:
            port = self._bind()
        except RuntimeError as error:
            raise AddressError(f"{self._address} cannot be listened on") from error
        if path:
            path.chmod(self._socket_mode)
        await self._server.start()
        return self._address.with_port(port)

    def _bind(self) -> int:
        if self._certificates is None:
            return self._server.add_insecure_port(str(self._address))
        return self._server.add_secure_port(str(self._address), server_credentials(self._certificates))

    async def set_serving(self, *, serving: bool) -> None:
        """See `Engine.set_serving`."""
        known = health_pb2.HealthCheckResponse
        for name in ("", self._service):
            await self._health.set(name, known.SERVING if serving else known.NOT_SERVING)

    async def stop(self, *, grace_seconds: float) -> None:
        """See `Engine.stop`."""
        await self._server.stop(grace_seconds)
        self._claims.close()


def _unary(method: str, handler: GuardedHandler, credentials: _ReadCredentials) -> Any:
    async def serve(request: bytes, context: _Context) -> bytes:
        reply = await handler(request, Call(method, credentials(context), context.time_remaining))
        return await _bytes_or_abort(reply, context)

    return grpc.unary_unary_rpc_method_handler(serve)


def _stream(method: str, handler: GuardedStream, credentials: _ReadCredentials) -> Any:
    async def serve(request: bytes, context: _Context) -> AsyncIterator[bytes]:
        async for reply in handler(request, Call(method, credentials(context), context.time_remaining)):
            yield await _bytes_or_abort(reply, context)

    return grpc.unary_stream_rpc_method_handler(serve)


def _credentials(context: _Context) -> Credentials:
    metadata = context.invocation_metadata() or ()
    return Credentials(tuple(str(value) for key, value in metadata if key == "authorization"))


def _credentials_with_certificate(context: _Context) -> Credentials:
    peer = context.auth_context()
    names = (name for property_ in _IDENTITY_PROPERTIES for name in peer.get(property_, ()))
    return Credentials(_credentials(context).authorizations, tuple(name.decode(errors="replace") for name in names))


async def _bytes_or_abort(reply: Reply, context: _Context) -> bytes:
    if isinstance(reply, bytes):
        return reply
    await context.abort(reply.code, reply.message, trailing_metadata=_trailers(reply))
    raise AssertionError("abort always raises")


def _trailers(status: Status) -> tuple[tuple[str, str | bytes], ...]:
    """The details of a status as gRPC carries them, and the pushback that gRPC's own retries obey (gRFC A6)."""
    details = [_packed(ErrorInfo(reason=status.reason, domain=ERROR_DOMAIN, metadata=status.metadata))]
    trailers: list[tuple[str, str | bytes]] = []
    if status.retry_after_seconds is not None:
        milliseconds = int(status.retry_after_seconds * 1000)
        delay = Duration()
        delay.FromMilliseconds(milliseconds)
        details.append(_packed(RetryInfo(retry_delay=delay)))
        trailers.append(("grpc-retry-pushback-ms", str(milliseconds)))
    message = StatusMessage(code=status.code.value[0], message=status.message, details=details)
    return (("grpc-status-details-bin", message.SerializeToString()), *trailers)


def _packed(message: Any) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
