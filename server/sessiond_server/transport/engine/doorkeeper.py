"""Finds the handler of a call, and decides by the call's headers alone whether and how it may come in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import grpc
from typing_extensions import override

from sessiond_server.transport.engine.calls import AnyHandler, Entrance, refusal, to_credentials
from sessiond_server.transport.engine.crowd import Crowd, Silent
from sessiond_server.transport.engine.port import INTERNAL, Endpoints, Status

# What the calls of other services are called where they are counted: their names are the caller's choice.
_OTHER: Final = "other"

_FindHandler: TypeAlias = Callable[["grpc.HandlerCallDetails"], Awaitable["AnyHandler | None"]]


class Doorkeeper(grpc.aio.ServerInterceptor):
    """Refuses a caller that cannot be known by its headers, and keeps those who send nothing else from harm.

    A unary handler is entered only when its message has been read: without this class a stranger's headers,
    with no message after them, would be kept for as long as the stranger likes. If every handler were one of
    streams instead, every call would pay for that. So calls are let in by the cheap way as long as few are
    `silent`, and by the other one beyond that: there a message has to come in time.

    The `open_methods` are everybody's, and their handlers see to themselves. `others` are the calls of
    services that have no handlers here, such as the reflection.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        entrances: Mapping[str, Entrance],
        open_methods: Mapping[str, AnyHandler],
        *,
        silent: Silent,
        others: Crowd,
    ) -> None:
        self._endpoints = endpoints
        self._guarded = {f"/{endpoints.service}/{name}": (name, one) for name, one in entrances.items()}
        self._open = open_methods
        self._silent = silent
        self._others = others

    @override
    async def intercept_service(
        self, continuation: _FindHandler, handler_call_details: grpc.HandlerCallDetails
    ) -> AnyHandler | None:
        found = self._guarded.get(handler_call_details.method)
        if found is None:
            return await self._let_anyone_in(continuation, handler_call_details)
        # The handler is known here: asking on for it would cost every call another coroutine.
        name, entrance = found
        try:
            credentials = to_credentials(handler_call_details.invocation_metadata)
            status = self._endpoints.refuse(name, credentials)
            if status is not None and not isinstance(status, Status):
                status = await status
        except Exception:  # noqa: BLE001 - grpcio would send its text
            status = INTERNAL
        if status:
            return refusal(status)
        return entrance.patient if self._silent.enter() else entrance.hurried

    async def _let_anyone_in(
        self, continuation: _FindHandler, details: grpc.HandlerCallDetails
    ) -> AnyHandler | None:
        handler = self._open.get(details.method)
        if handler is not None:
            return handler
        handler = await continuation(details)
        if handler is None or self._others.enter():
            return handler
        return refusal(self._endpoints.shed(_OTHER))
