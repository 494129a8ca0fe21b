"""Backends of Django. Its settings are a process's: those of the latest backend hold."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import django
import serving_asgi
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import clear_url_caches, path, re_path
from serving import Handled, JsonObject, marks_of, site_of
from serving_wsgi import login_status, logout_status

import sessiond.django
from sessiond import AsyncClient, Client
from sessiond.browser import AsyncBrowser, Browser

settings.configure(SECRET_KEY="none", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
django.setup()


def on_threads(client: Client, command: JsonObject) -> Any:
    """The backend as a WSGI application."""
    handled = Handled()

    def view() -> Any:
        def answer(request: Any) -> HttpResponse:
            return HttpResponse(handled.text(path=request.path), "application/json")

        return answer

    site, options = site_of(Browser, client, command)
    own: JsonObject = {}
    if site is not client:
        own["login"] = lambda _: HttpResponse(status=login_status(client, site))
        own["logout"] = lambda _: HttpResponse(status=logout_status(site))
    _configure(view, {"client": site, **options}, command, own)
    return WSGIHandler()


def on_asyncio(client: AsyncClient, command: JsonObject) -> Any:
    """The backend as an ASGI application."""
    handled = Handled()

    def view() -> Any:
        async def answer(request: Any) -> HttpResponse:
            return HttpResponse(handled.text(path=request.path), "application/json")

        return answer

    site, options = site_of(AsyncBrowser, client, command)
    own: JsonObject = {}

    async def login(_: Any) -> HttpResponse:
        return HttpResponse(status=await serving_asgi.login_status(client, site))

    async def logout(_: Any) -> HttpResponse:
        return HttpResponse(status=await serving_asgi.logout_status(site))

    if site is not client:
        own = {"login": login, "logout": logout}
    _configure(view, {"async_client": site, **options}, command, own)
    return ASGIHandler()


def _configure(view: Callable[[], Any], given: JsonObject, command: JsonObject, own: JsonObject) -> None:
    marks, protection = marks_of(sessiond.django, command)
    module = ModuleType("routes_of_the_backend")
    patterns: list[Any] = [path(name, sessiond.django.public(one)) for name, one in own.items()]
    patterns += [path(one.removeprefix("/"), mark(view())) for one, mark in marks.items()]
    module.urlpatterns = [*patterns, re_path(".*", view())]  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    override_settings(
        ROOT_URLCONF=module.__name__,
        MIDDLEWARE=["sessiond.django.SessionMiddleware"],
        SESSIOND={**given, **protection},
    ).enable()
    clear_url_caches()
