"""The engine on grpcio's asyncio server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

import grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.service.certificates import CertificateSource
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer
from sessiond_server.transport.addresses import lock_socket, private_umask, refuse_taken
from sessiond_server.transport.engine import health
from sessiond_server.transport.engine.calls import (
    Entrance,
    credentials_of,
    credentials_with_certificate,
    stream,
    unary,
)
from sessiond_server.transport.engine.crowd import Crowd, Hurry, Silent
from sessiond_server.transport.engine.doorkeeper import Doorkeeper
from sessiond_server.transport.engine.health import Health
from sessiond_server.transport.engine.port import Endpoints, Engine
from sessiond_server.transport.engine.tls import server_credentials
from sessiond_server.transport.engine.tracing import CallTracing

MAX_CONNECTIONS: Final = 1000
# What a batch of 1,000 tokens with 1 MiB in all needs.
_MAX_REQUEST_BYTES: Final = 1280 << 10
_MAX_RESPONSE_BYTES: Final = 8 << 20
# How much of a message is taken before anybody wants to read it.
_WINDOW_BYTES: Final = 64 << 10
# Calls of one method that nobody has looked at yet; beyond that gRPC's core ends them by itself, CANCELLED.
_MAX_UNSEEN_CALLS: Final = 8192
# Calls whose message has not come: those that may take their time, beyond these those that may not, and how
# much time they have; those that may have ended without one; and the calls of other services.
_MAX_SILENT: Final = 32
_MAX_HURRIED: Final = 64
_MESSAGE_SECONDS: Final = 2.0
_MAX_LOST: Final = 1000
_MAX_OTHERS: Final = 100
# Clients reconnect now and then, so that load spreads over replicas that came later.
_CONNECTION_SECONDS: Final = 300
_GRACE_SECONDS: Final = 30
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", _MAX_RESPONSE_BYTES),
    ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
    ("grpc.server.max_pending_requests", _MAX_UNSEEN_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", _MAX_UNSEEN_CALLS),
    # A stream limit makes grpcio reset streams of well-behaved clients unless its overload protection is off.
    ("grpc.max_concurrent_streams", 100),
    ("grpc.http.overload_protection", 0),
    # Without the probe windows stay as they are: with it they grow, for strangers too.
    ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Watchers may ping every ten seconds, to notice a dead connection before others notice them.
    ("grpc.http2.min_ping_interval_without_data_ms", 9_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.max_connection_age_ms", _CONNECTION_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", _GRACE_SECONDS * 1000),
    ("grpc.max_connection_idle_ms", 600_000),
    # A second server on the same port is an error that must show, and not a second half of the calls.
    ("grpc.so_reuseport", 0),
)
_OPTIONS_ON_A_SHARED_PORT: Final = (*_OPTIONS[:-1], ("grpc.so_reuseport", 1))


class GrpcioEngine(Engine):
    """grpc.aio, which is handed raw bytes: they are parsed within the guard of the pipeline.

    `is_serving` is what its health service answers. `with_reflection` lets anyone who can call list the
    methods. `shares_port` says that others of ours listen there too, and that their parent sees to it that
    nobody else does. Without a `tracer` no call passes anything of tracing.
    """

    def __init__(  # noqa: PLR0913 - all that an engine is
        self,
        address: Address,
        endpoints: Endpoints,
        *,
        is_serving: Callable[[], bool],
        with_reflection: bool,
        telemetry: Telemetry,
        certificates: CertificateSource | None = None,
        socket_mode: int = 0o660,
        shares_port: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self._address = address
        self._certificates = certificates
        self._socket_mode = socket_mode
        self._shares_port = shares_port
        self._locks = ExitStack()
        silent = Silent(
            _MAX_SILENT, lost_at_most=_MAX_LOST, lost_seconds=_CONNECTION_SECONDS + _GRACE_SECONDS
        )
        hurry = Hurry(_MAX_HURRIED, seconds=_MESSAGE_SECONDS)
        self._health = Health([endpoints.service], is_serving=is_serving, telemetry=telemetry)
        entrances = _entrances(endpoints, silent, hurry, by_certificate=certificates is not None)
        of_health = self._health.handlers()
        doorkeeper = Doorkeeper(
            endpoints,
            entrances,
            {f"/{health.SERVICE}/{name}": handler for name, handler in of_health.items()},
            silent=silent,
            others=Crowd(_MAX_OTHERS),
        )
        self._tracing = CallTracing(tracer, endpoints.service, entrances, at=address) if tracer else None
        interceptors = (self._tracing, doorkeeper) if self._tracing else (doorkeeper,)
        options = _OPTIONS_ON_A_SHARED_PORT if shares_port else _OPTIONS
        self._server = grpc.aio.server(interceptors=interceptors, options=options)
        # What is registered has a queue of its own for each method.
        self._server.add_registered_method_handlers(
            endpoints.service, {name: entrance.patient for name, entrance in entrances.items()}
        )
        self._server.add_registered_method_handlers(health.SERVICE, of_health)
        if with_reflection:
            names = (endpoints.service, health.SERVICE, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        telemetry.gauge(
            "calls_without_message",
            "Calls of which there are headers alone",
            lambda: len(silent) + len(hurry),
        )
        telemetry.gauge(
            "calls_ended_without_message",
            "Calls that have ended without a message, and may still hold a stream",
            lambda: silent.lost,
        )
        telemetry.gauge("health_watches", "Watches of the health service", lambda: self._health.watches)

    @override
    async def start(self) -> Address:
        path = self._address.path
        if path:
            self._locks.enter_context(lock_socket(path))
        elif not self._shares_port:
            refuse_taken(self._address)
        try:
            # A socket is nobody else's before it has its mode.
            with private_umask():
                port = self._bind()
        except RuntimeError as error:
            raise AddressError(f"{self._address} cannot be listened on") from error
        if path:
            path.chmod(self._socket_mode)
        listening_at = self._address.with_port(port)
        if self._tracing:
            self._tracing.listens(listening_at)
        await self._server.start()
        return listening_at

    def _bind(self) -> int:
        if self._certificates is None:
            return self._server.add_insecure_port(str(self._address))
        return self._server.add_secure_port(str(self._address), server_credentials(self._certificates))

    @override
    def tell_health(self) -> None:
        self._health.tell()

    @override
    async def stop(self, *, grace_seconds: float) -> None:
        self._health.close()
        await self._server.stop(grace_seconds)
        self._locks.close()


def _entrances(
    endpoints: Endpoints, silent: Silent, hurry: Hurry, *, by_certificate: bool
) -> dict[str, Entrance]:
    credentials = credentials_with_certificate if by_certificate else credentials_of
    to_unary = partial(unary, credentials=credentials, silent=silent, hurry=hurry, shed=endpoints.shed)
    to_stream = partial(stream, credentials=credentials, silent=silent, hurry=hurry, shed=endpoints.shed)
    return {
        **{name: to_unary(name, handler) for name, handler in endpoints.unary.items()},
        **{name: to_stream(name, handler) for name, handler in endpoints.streams.items()},
    }
