"""`grpc.health.v1.Health`, which anyone may ask, and which answers whatever else is going on.

The library's own holds a lock while it writes to a watcher: one that does not read would keep every other
from being told, and the server from stopping. It also keeps the name that a stranger asks for, however long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from sessiond_server.transport.engine.calls import Context, Entrance
from sessiond_server.transport.engine.crowd import CrowdByPeer, Silent

SERVICE: Final = "grpc.health.v1.Health"
_CHECKS_OF_A_CONNECTION: Final = 4
_WATCHES_OF_A_CONNECTION: Final = 2
_CHECKS: Final = 4000
_WATCHES: Final = 5000


class Health:
    """Whether the services serve: NOT_SERVING at first.

    `silent` are the calls whose message has not come yet. Where there are too many of them, a check is
    answered without the name that it asks for: all services are in the same state.
    """

    def __init__(self, services: Iterable[str], *, silent: Silent) -> None:
        self._services = frozenset({"", *services})
        self._silent = silent
        self._status: Any = HealthCheckResponse.NOT_SERVING
        self._is_closed = False
        self._changed = asyncio.Event()
        self._checks = CrowdByPeer(_CHECKS, of_each_peer=_CHECKS_OF_A_CONNECTION)
        self._watches = CrowdByPeer(_WATCHES, of_each_peer=_WATCHES_OF_A_CONNECTION)

    @property
    def watches(self) -> int:
        """How many watch."""
        return len(self._watches)

    def entrances(self) -> dict[str, Entrance]:
        """The methods by their names."""
        return {
            "Check": Entrance(
                grpc.unary_unary_rpc_method_handler(self._check),
                grpc.stream_stream_rpc_method_handler(self._check_unread),
            ),
            "Watch": Entrance(
                grpc.unary_stream_rpc_method_handler(self._watch),
                grpc.stream_stream_rpc_method_handler(self._refuse_watch),
            ),
        }

    def set_serving(self, *, serving: bool) -> None:
        """Answer that from now on, and tell whoever watches."""
        self._status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        self._tell()

    def close(self) -> None:
        """End the watches, which would go on for as long as their watchers like."""
        self._is_closed = True
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _check(self, request: bytes, context: Context) -> bytes:
        self._silent.leave()
        await self._count_check(context)
        if await _service(request, context) not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service has this name")
        return self._response(self._status)

    async def _check_unread(self, _requests: Any, context: Context) -> None:
        await self._count_check(context)
        await context.write(self._response(self._status))

    async def _count_check(self, context: Context) -> None:
        if not self._checks.enter(context.peer()):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "too many checks at a time")

    async def _watch(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        self._silent.leave()
        if not self._watches.enter(context.peer()):
            await self._refuse_watch(None, context)
        is_known = await _service(request, context) in self._services
        del request
        told = None
        while not self._is_closed:
            changed = self._changed
            status = self._status if is_known else HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield self._response(status)
            await changed.wait()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is about to stop")

    async def _refuse_watch(self, _requests: Any, context: Context) -> None:
        """Refuse by the one status that clients take as healthy: any other would unplug them."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "too many watches at a time: use Check")

    @staticmethod
    def _response(status: Any) -> bytes:
        return HealthCheckResponse(status=status).SerializeToString()


async def _service(request: bytes, context: Context) -> str:
    try:
        return HealthCheckRequest.FromString(request).service
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is not a HealthCheckRequest")
        raise AssertionError("abort always raises") from None
