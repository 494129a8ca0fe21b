"""Backends on asyncio: pure ASGI, FastAPI and Django, behind uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from serving import METHODS, Handled, JsonObject, marks_of, routes_of, site_of, status_of

import sessiond.fastapi
from sessiond import AsyncClient
from sessiond.asgi import PUBLIC, SessionMiddleware
from sessiond.browser import AsyncBrowser

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


async def login_status(client: AsyncClient, site: Any) -> int:
    """Log in, and give the browser its tokens."""
    try:
        await site.start(await client.create_local_session("alice", device=site.device))
    except Exception as error:  # noqa: BLE001 - whatever it is has a status
        return status_of(error)
    return status_of(None)


async def logout_status(site: Any) -> int:
    """Log out."""
    try:
        await site.logout()
    except Exception as error:  # noqa: BLE001 - whatever it is has a status
        return status_of(error)
    return status_of(None)


def _asgi(client: AsyncClient, command: JsonObject) -> Any:
    handled = Handled()
    site, options = site_of(AsyncBrowser, client, command)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        headers, status = [(b"content-type", b"application/json")], 200
        if site is not client and scope["path"] in {"/login", "/logout"}:
            status = await (login_status(client, site) if scope["path"] == "/login" else logout_status(site))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": handled.text(path=scope["path"]).encode()})

    routes, default = routes_of(command)
    if site is not client:
        routes |= {"/login": PUBLIC, "/logout": PUBLIC}
    return SessionMiddleware(app, site, routes=routes, default=default, **options)


def _fastapi(client: AsyncClient, command: JsonObject) -> FastAPI:
    app, handled = FastAPI(openapi_url=None), Handled()
    marks, protection = marks_of(sessiond.fastapi, command)
    site, options = site_of(AsyncBrowser, client, command)
    sessiond.fastapi.protect(app, site, **protection, **options)

    def answer(request: Request) -> Response:
        return Response(handled.text(path=request.url.path), media_type="application/json")

    async def login() -> Response:
        return Response(status_code=await login_status(client, site))

    async def logout() -> Response:
        return Response(status_code=await logout_status(site))

    for path, handler in {"/login": login, "/logout": logout}.items() if site is not client else ():
        app.add_api_route(path, handler, methods=METHODS, dependencies=[Depends(sessiond.fastapi.public)])
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
