"""The engine on grpcio's asyncio server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.service.callers import Credentials
from sessiond_server.service.certificates import CertificateSource
from sessiond_server.transport.addresses import lock_socket, private_umask, refuse_taken
from sessiond_server.transport.engine.port import (
    INTERNAL,
    Call,
    Endpoints,
    Engine,
    Response,
    Status,
    StreamHandler,
    UnaryHandler,
)
from sessiond_server.transport.engine.status_details import to_trailers
from sessiond_server.transport.engine.tls import server_credentials

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_ReadCredentials: TypeAlias = Callable[[_Context], Credentials]
_FindHandler: TypeAlias = Callable[
    ["grpc.HandlerCallDetails"], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]
]
# The names under which gRPC tells what a verified client certificate says of its bearer: all its alternative
# names, and those of them that are URIs.
_ALTERNATIVE_NAMES: Final = "x509_subject_alternative_name"
_URIS: Final = "peer_uri"
_AFTER_SCHEME: Final = b"://"
_MAX_REQUEST_BYTES: Final = 4 << 20
_MAX_RESPONSE_BYTES: Final = 8 << 20
_MAX_CONCURRENT_CALLS: Final = 2000
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", _MAX_RESPONSE_BYTES),
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
    # A second server on the same port is an error that must show, and not a second half of the calls.
    ("grpc.so_reuseport", 0),
)
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class GrpcioEngine(Engine):
    """grpc.aio, which is handed raw bytes: they are parsed within the guard of the pipeline.

    What escapes that guard is a bare INTERNAL here: grpcio would send the text of the exception.

    `with_reflection` lets anyone who can call list the methods.
    """

    def __init__(
        self,
        address: Address,
        endpoints: Endpoints,
        *,
        with_reflection: bool,
        certificates: CertificateSource | None = None,
        socket_mode: int = 0o660,
    ) -> None:
        self._address = address
        self._service = endpoints.service
        self._certificates = certificates
        self._socket_mode = socket_mode
        self._locks = ExitStack()
        self._health = health.aio.HealthServicer()
        credentials = _credentials_with_certificate if certificates else _credentials
        handlers = {name: _unary(name, handler, credentials) for name, handler in endpoints.unary.items()}
        handlers |= {name: _stream(name, handler, credentials) for name, handler in endpoints.streams.items()}
        self._server = grpc.aio.server(
            interceptors=(_Doorkeeper(endpoints, handlers),),
            options=_OPTIONS,
            maximum_concurrent_rpcs=_MAX_CONCURRENT_CALLS,
        )
        # What is registered has a queue of its own for each method.
        self._server.add_registered_method_handlers(endpoints.service, handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if with_reflection:
            names = (endpoints.service, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    @override
    async def start(self) -> Address:
        await self.set_serving(serving=False)
        path = self._address.path
        if path:
            self._locks.enter_context(lock_socket(path))
        else:
            refuse_taken(self._address)
        try:
            # A socket is nobody else's before it has its mode.
            with private_umask():
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

    @override
    async def set_serving(self, *, serving: bool) -> None:
        known = health_pb2.HealthCheckResponse
        for name in ("", self._service):
            await self._health.set(name, known.SERVING if serving else known.NOT_SERVING)

    @override
    async def stop(self, *, grace_seconds: float) -> None:
        await self._server.stop(grace_seconds)
        self._locks.close()


class _Doorkeeper(grpc.aio.ServerInterceptor):
    """Finds the handler of a call, and refuses by its headers alone the call of whoever cannot be known.

    A unary handler is entered only when its message has been read: without this class a stranger's headers,
    with no message after them, would be kept for as long as the stranger likes. If every handler were one of
    streams instead, every call would pay for that.
    """

    def __init__(self, endpoints: Endpoints, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        self._handlers = {f"/{endpoints.service}/{name}": (name, one) for name, one in handlers.items()}
        self._refuse = endpoints.refuse

    @override
    async def intercept_service(
        self, continuation: _FindHandler, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        found = self._handlers.get(handler_call_details.method)
        if found is None:
            return await continuation(handler_call_details)
        # The handler is known here: asking on for it would cost every call another coroutine.
        name, handler = found
        try:
            status = self._refuse(name, _to_credentials(handler_call_details.invocation_metadata))
        except Exception:  # noqa: BLE001 - grpcio would send its text
            status = INTERNAL
        return _refusal(status) if status else handler


def _refusal(status: Status) -> grpc.RpcMethodHandler[Any, Any]:
    async def refuse(_requests: Any, context: _Context) -> None:
        await _bytes_or_abort(status, context)

    return grpc.stream_stream_rpc_method_handler(refuse)


def _unary(method: str, handler: UnaryHandler, credentials: _ReadCredentials) -> Any:
    async def serve(request: bytes, context: _Context) -> bytes:
        response: Response
        try:
            response = await handler(request, Call(method, credentials(context), context.time_remaining))
        except Exception:  # noqa: BLE001 - grpcio would send its text
            response = INTERNAL
        return await _bytes_or_abort(response, context)

    return grpc.unary_unary_rpc_method_handler(serve)


def _stream(method: str, handler: StreamHandler, credentials: _ReadCredentials) -> Any:
    async def serve(request: bytes, context: _Context) -> AsyncIterator[bytes]:
        responses = handler(request, Call(method, credentials(context), context.time_remaining))
        try:
            async for response in responses:
                yield await _bytes_or_abort(response, context)
        except grpc.aio.AbortError:
            raise
        except Exception:  # noqa: BLE001 - grpcio would send its text
            await _bytes_or_abort(INTERNAL, context)

    return grpc.unary_stream_rpc_method_handler(serve)


def _credentials(context: _Context) -> Credentials:
    return _to_credentials(context.invocation_metadata())


def _credentials_with_certificate(context: _Context) -> Credentials:
    identities = tuple(name.decode(errors="replace") for name in _identities(context.auth_context()))
    return Credentials(_credentials(context).authorizations, identities)


def _identities(peer: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    """The names in a certificate; one with a scheme is a URI, and the only one (X.509-SVID §2).

    A host name may read like a URI: whoever may have certificates for such names is not what it reads like.
    """
    uris = tuple(peer.get(_URIS, ()))
    if len(uris) == 1:
        yield uris[0]
    yield from (name for name in peer.get(_ALTERNATIVE_NAMES, ()) if _AFTER_SCHEME not in name)


def _to_credentials(metadata: Any) -> Credentials:
    return Credentials(tuple(str(value) for key, value in metadata or () if key == "authorization"))


async def _bytes_or_abort(response: Response, context: _Context) -> bytes:
    if isinstance(response, bytes):
        return response
    code = _CODES[response.code.value]
    await context.abort(code, response.message, trailing_metadata=to_trailers(response))
    raise AssertionError("abort always raises")
