"""Backends on asyncio: pure ASGI, FastAPI and Django, behind uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from serving import METHODS, Handled, JsonObject, marks_of, options_of, routes_of

import sessiond.fastapi
from sessiond import AsyncClient
from sessiond.asgi import SessionMiddleware

End = Callable[[], Awaitable[None]]


async def serve(kind: str, client: AsyncClient, command: JsonObject) -> tuple[str, End]:
    """Where a backend listens, and what ends it."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        KINDS[kind](client, command), log_config=None, lifespan="off", ws="none", server_header=False
    )
    server = uvicorn.Server(config)
    # Without its loop, which looks after signals ten times a second.
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])

    async def end() -> None:
        server.force_exit = True
        await server.shutdown(sockets=[listener])

    return f"127.0.0.1:{listener.getsockname()[1]}", end


def _asgi(client: AsyncClient, command: JsonObject) -> Any:
    handled = Handled()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": handled.text(path=scope["path"]).encode()})

    routes, default = routes_of(command)
    return SessionMiddleware(app, client, routes=routes, default=default, **options_of(command))


def _fastapi(client: AsyncClient, command: JsonObject) -> FastAPI:
    app, handled = FastAPI(openapi_url=None), Handled()
    marks, protection = marks_of(sessiond.fastapi, command)
    sessiond.fastapi.protect(app, client, **protection, **options_of(command))

    def answer(request: Request) -> Response:
        return Response(handled.text(path=request.url.path), media_type="application/json")

    for path, mark in marks.items():
        app.add_api_route(path, answer, methods=METHODS, dependencies=[Depends(mark)])
    app.add_api_route("/{path:path}", answer, methods=METHODS)
    return app


def _django(client: AsyncClient, command: JsonObject) -> Any:
    import serving_django

    return serving_django.on_asyncio(client, command)


KINDS: dict[str, Callable[[AsyncClient, JsonObject], Any]] = {
    "asgi": _asgi,
    "fastapi": _fastapi,
    "django": _django,
}
