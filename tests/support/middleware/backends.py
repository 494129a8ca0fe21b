"""The same backend in each framework.

`/orders` needs scopes, `/feed` takes who has no token too, `/health` anybody, and `/any` says nothing.
"""

import sys
import types
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path as django_path
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from flask import Flask

import sessiond.asgi
import sessiond.django
import sessiond.fastapi
import sessiond.flask
from sessiond import Session, current_session
from tests.support.middleware.answers import Answered, ask_asgi, ask_wsgi
from tests.support.middleware.validators import Scripted

ORDERS = ["orders:write", "orders:read"]
Ask = Callable[..., Awaitable[Answered]]


def _told() -> str:
    found = current_session()
    return f"for {found.subject if found else 'nobody'}"


def asgi(scripted: Scripted, **options: Any) -> Ask:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scripted.tokens.append("handler")
        assert scope["sessiond"] is current_session()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": _told().encode()})

    routes = {
        "/orders": sessiond.asgi.require(scopes=ORDERS, consistency=options.pop("consistency", None)),
        "/feed": sessiond.asgi.optional(),
        "GET /health": sessiond.asgi.PUBLIC,
    }
    return partial(
        ask_asgi, sessiond.asgi.SessionMiddleware(app, scripted.on_asyncio, routes=routes, **options)
    )


def fastapi(scripted: Scripted, **options: Any) -> Ask:
    consistency = options.pop("consistency", None)
    app = FastAPI()
    sessiond.fastapi.protect(app, scripted.on_asyncio, **options)
    orders_need = sessiond.fastapi.require(scopes=ORDERS, consistency=consistency)

    def told() -> PlainTextResponse:
        scripted.tokens.append("handler")
        return PlainTextResponse(_told())

    @app.api_route(
        "/orders", methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "post"]
    )
    async def orders(session: Annotated[Session, Depends(orders_need)]) -> PlainTextResponse:
        assert session is current_session()
        return told()

    @app.get("/feed")
    def feed(_: Annotated[Session | None, Depends(sessiond.fastapi.optional())]) -> PlainTextResponse:
        return told()

    @app.get("/health", dependencies=[Depends(sessiond.fastapi.public)])
    def health() -> PlainTextResponse:
        return told()

    @app.get("/any")
    def any_session() -> PlainTextResponse:
        return told()

    return partial(ask_asgi, app)


def flask(scripted: Scripted, **options: Any) -> Ask:
    consistency = options.pop("consistency", None)
    app = Flask(__name__)
    sessiond.flask.protect(app, scripted, **options)

    def told() -> str:
        scripted.tokens.append("handler")
        return _told()

    orders = sessiond.flask.require(scopes=ORDERS, consistency=consistency)(told)
    methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
    app.add_url_rule("/orders", "orders", orders, methods=methods, provide_automatic_options=False)
    app.add_url_rule("/feed", "feed", sessiond.flask.optional()(told))
    app.add_url_rule("/any", "any", told)

    @app.get("/health")
    @sessiond.flask.public
    def health() -> str:
        return told()

    async def ask(*asked: Any, **named: Any) -> Answered:
        return ask_wsgi(app, *asked, **named)

    return ask


def configure_django() -> None:
    if not settings.configured:
        settings.configure(SECRET_KEY="-", ALLOWED_HOSTS=["*"], USE_TZ=True)
        django.setup()


def behind_middleware(urls: str, **given: Any) -> Any:
    """The settings of a backend of Django, as a context manager."""
    middleware = ["sessiond.django.SessionMiddleware"]
    return override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware, SESSIOND=given)


def _urls(view: Any, consistency: Any) -> str:
    """A module of routes for one backend."""
    name = f"tests_urls_{id(view)}"
    module = types.ModuleType(name)
    orders = sessiond.django.require(scopes=ORDERS, consistency=consistency)(view)
    module.urlpatterns = [  # type: ignore[attr-defined]
        django_path("orders", orders),
        django_path("feed", sessiond.django.optional()(view)),
        django_path("any", view),
        django_path("health", sessiond.django.public(_copy(view))),
    ]
    sys.modules[name] = module
    return name


def _copy(view: Any) -> Any:
    async def on_asyncio(request: Any) -> Any:
        return await view(request)

    def on_threads(request: Any) -> Any:
        return view(request)

    return on_asyncio if sessiond.django.iscoroutinefunction(view) else on_threads


def django_wsgi(scripted: Scripted, **options: Any) -> Ask:
    configure_django()
    consistency = options.pop("consistency", None)

    def view(request: Any) -> HttpResponse:
        scripted.tokens.append("handler")
        assert request.sessiond is current_session()
        return HttpResponse(_told())

    urls = _urls(view, consistency)

    async def ask(*asked: Any, **named: Any) -> Answered:
        with behind_middleware(urls, client=scripted, **options):
            return ask_wsgi(WSGIHandler(), *asked, **named)

    return ask


def django_asgi(scripted: Scripted, **options: Any) -> Ask:
    configure_django()
    consistency = options.pop("consistency", None)

    async def view(request: Any) -> HttpResponse:
        scripted.tokens.append("handler")
        assert request.sessiond is current_session()
        return HttpResponse(_told())

    urls = _urls(view, consistency)

    async def ask(*asked: Any, **named: Any) -> Answered:
        with behind_middleware(urls, async_client=scripted.on_asyncio, **options):
            return await ask_asgi(ASGIHandler(), *asked, **named)

    return ask


BACKENDS = {
    "asgi": asgi,
    "fastapi": fastapi,
    "flask": flask,
    "django, wsgi": django_wsgi,
    "django, asgi": django_asgi,
}
