"""The backend of orders.py without the client.

That is what a service has to do by itself that has nothing but generated stubs, to answer alike. It keeps
nothing, and asks about every request.

    python clients/python/examples/orders_by_stubs.py 127.0.0.1:50051 8000
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import grpc
import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import PlainTextResponse

from sessiond.v1.session_pb2 import Rejection, Session
from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub

BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)
NO_VERDICT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}
# Otherwise a server that was away for long is found again after two minutes, and loopback by way of a proxy.
CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
]


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """Have a connection that belongs to the loop of the server."""
    async with grpc.aio.insecure_channel(sys.argv[1], CHANNEL) as channel:
        app.state.stub = SessionServiceStub(channel)
        yield


app = FastAPI(lifespan=connected)


def denial(status: int, challenge: str = "", **headers: str) -> HTTPException:
    """What a request is told that does not get through."""
    told = {"Cache-Control": "no-store"} | headers
    return HTTPException(status, headers=told | {"WWW-Authenticate": challenge} if challenge else told)


class Required:
    """The session of a request whose token has a scope."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Session:
        """Ask about the token of a request."""
        values = request.headers.getlist("authorization")
        if not values:
            raise denial(401, f'Bearer scope="{self.scope}"')
        found = BEARER.fullmatch(values[0])
        if len(values) > 1 or found is None:
            raise denial(400, 'Bearer error="invalid_request"')
        asked = ValidateTokenRequest(token=found[1], requirements={"scopes": [self.scope]})
        try:
            answer = await request.app.state.stub.ValidateToken(asked, timeout=1)
        except grpc.aio.AioRpcError as error:
            # Nobody has to log in again because there is no verdict.
            if error.code() in NO_VERDICT:
                raise denial(503, **{"Retry-After": "1"}) from None
            logging.getLogger(__name__).error("sessiond: %s", error.code())
            raise denial(500) from None
        if answer.HasField("session"):
            return answer.session
        # An answer without a verdict is none either.
        insufficient = answer.rejection.reason == Rejection.REASON_SCOPE_INSUFFICIENT
        raise denial(403 if insufficient else 401, answer.rejection.www_authenticate)


Reader = Annotated[Session, Depends(Required("orders:read"))]


@app.get("/orders")
async def list_orders(session: Reader) -> PlainTextResponse:
    """What the bearer of the token has ordered."""
    return PlainTextResponse(f"orders of {session.subject}\n")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
