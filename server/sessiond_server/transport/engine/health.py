"""`grpc.health.v1.Health`, which anyone may ask, and which answers whatever else is going on.

The library's own holds a lock while it writes to a watcher: one that does not read would keep every other
from being told, and the server from stopping. It also keeps what a stranger has sent for as long as it
watches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from sessiond_server.service.telemetry import Telemetry
from sessiond_server.transport.engine.calls import CODES, AnyHandler, Context, abort
from sessiond_server.transport.engine.crowd import CrowdByPeer, Hurry
from sessiond_server.transport.engine.port import StatusCode

SERVICE: Final = "grpc.health.v1.Health"
_CHECKS_OF_A_CONNECTION: Final = 4
_WATCHES_OF_A_CONNECTION: Final = 2
_CHECKS: Final = 4000
_WATCHES: Final = 5000
# The name that a call asks for is waited for, but not long: all services are in the same state.
_NAMES_AT_A_TIME: Final = 16
_NAME_SECONDS: Final = 2.0

_Serve: TypeAlias = Callable[[Any, Context], Awaitable[None]]


class _RefusedError(Exception):
    """A call that is to end with this code."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__()
        self.code = code
        self.message = message


class Health:
    """Whether the services serve, which is found out whenever somebody asks."""

    def __init__(
        self, services: Iterable[str], *, is_serving: Callable[[], bool], telemetry: Telemetry
    ) -> None:
        self._services = frozenset({"", *services})
        self._is_serving = is_serving
        self._telemetry = telemetry
        telemetry.methods_served(SERVICE, {"Check": "unary", "Watch": "server_stream"})
        self._is_closed = False
        self._changed = asyncio.Event()
        self._checks = CrowdByPeer(_CHECKS, of_each_peer=_CHECKS_OF_A_CONNECTION)
        self._watches = CrowdByPeer(_WATCHES, of_each_peer=_WATCHES_OF_A_CONNECTION)
        self._hurry = Hurry(_NAMES_AT_A_TIME, seconds=_NAME_SECONDS)

    @property
    def watches(self) -> int:
        """How many watch."""
        return len(self._watches)

    def handlers(self) -> dict[str, AnyHandler]:
        """The methods by their names; they are entered before anything of a message is read."""
        return {
            name: grpc.stream_stream_rpc_method_handler(partial(self._counted, name, serve))
            for name, serve in (("Check", self._check), ("Watch", self._watch))
        }

    async def _counted(self, name: str, serve: _Serve, requests: Any, context: Context) -> None:
        self._telemetry.call_began(name)
        started, code = time.perf_counter(), StatusCode.CANCELLED
        try:
            await serve(requests, context)
            code = StatusCode.OK
        except _RefusedError as refused:
            code = refused.code
            await abort(context, CODES[code], refused.message)
        finally:
            self._telemetry.call_ended(name, code.name, None, time.perf_counter() - started)

    @property
    def _status(self) -> Any:
        return HealthCheckResponse.SERVING if self._is_serving() else HealthCheckResponse.NOT_SERVING

    def tell(self) -> None:
        """Tell whoever watches, where that is another answer than they had."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """End the watches, which would go on for as long as their watchers like."""
        self._is_closed = True
        self.tell()

    async def _check(self, _requests: Any, context: Context) -> None:
        if not self._checks.enter(context.peer()):
            raise _RefusedError(StatusCode.UNAVAILABLE, "too many checks at a time")
        if not await self._is_known(context):
            raise _RefusedError(StatusCode.NOT_FOUND, "no service has this name")
        await context.write(_response(self._status))

    async def _watch(self, _requests: Any, context: Context) -> None:
        if not self._watches.enter(context.peer()):
            # By any other status clients take a server for unhealthy.
            raise _RefusedError(StatusCode.UNIMPLEMENTED, "too many watches at a time: use Check")
        is_known = await self._is_known(context)
        told = None
        while not self._is_closed:
            changed = self._changed
            status = self._status if is_known else HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                await context.write(_response(status))
            await changed.wait()
        raise _RefusedError(StatusCode.UNAVAILABLE, "the server is about to stop")

    async def _is_known(self, context: Context) -> bool:
        """Whether a call asks for a service of ours; one that does not say in time asks for all of them."""
        try:
            async with self._hurry.hurried(context.peer()):
                request = await context.read()
            return not isinstance(request, bytes) or (
                HealthCheckRequest.FromString(request).service in self._services
            )
        except TimeoutError:
            return True
        except DecodeError:
            raise _RefusedError(StatusCode.INVALID_ARGUMENT, "this is not a HealthCheckRequest") from None


def _response(status: Any) -> bytes:
    return HealthCheckResponse(status=status).SerializeToString()
