"""Backends on threads: Flask and Django, behind werkzeug's server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, request
from serving import METHODS, Handled, JsonObject, marks_of, site_of, status_of
from werkzeug.serving import WSGIRequestHandler, make_server

import sessiond.flask
from sessiond import Client
from sessiond.browser import Browser


def serve(kind: str, client: Client, command: JsonObject) -> tuple[str, Callable[[], None]]:
    """Where a backend listens, and what ends it."""
    app = KINDS[kind](client, command)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return f"127.0.0.1:{server.server_port}", end


class _Handler(WSGIRequestHandler):
    """Hands paths on as they came, as other servers do: this one reads `//healthz` as `/healthz`."""

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        raw = self.raw_requestline.split()[1].decode("latin-1")
        path = unquote_to_bytes(raw.partition("?")[0]).decode("latin-1")
        return environ | {"RAW_URI": raw, "PATH_INFO": path}

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing on standard error."""


def _flask(client: Client, command: JsonObject) -> Flask:
    app, handled = Flask("backend", root_path="/", static_folder=None), Handled()
    marks, protection = marks_of(sessiond.flask, command)
    site, options = site_of(Browser, client, command)
    sessiond.flask.protect(app, site, **protection, **options)

    def answer(**_: str) -> Response:
        return Response(handled.text(path=request.path), mimetype="application/json")

    def add(path: str, view: Any) -> None:
        app.add_url_rule(path, path, view, methods=METHODS, provide_automatic_options=False)

    def login() -> Response:
        return Response(status=login_status(client, site))

    def logout() -> Response:
        return Response(status=logout_status(site))

    if site is not client:
        add("/login", sessiond.flask.public(login))
        add("/logout", sessiond.flask.public(logout))
    for path, mark in marks.items():
        add(path, mark(partial(answer)))
    if "/" not in marks:
        add("/", answer)
    add("/<path:path>", answer)
    return app


def login_status(client: Client, site: Any) -> int:
    """Log in, and give the browser its tokens."""
    try:
        site.start(client.create_local_session("alice", device=site.device))
    except Exception as error:  # noqa: BLE001 - whatever it is has a status
        return status_of(error)
    return status_of(None)


def logout_status(site: Any) -> int:
    """Log out."""
    try:
        site.logout()
    except Exception as error:  # noqa: BLE001 - whatever it is has a status
        return status_of(error)
    return status_of(None)


def _django(client: Client, command: JsonObject) -> Any:
    import serving_django

    return serving_django.on_threads(client, command)


KINDS: dict[str, Callable[[Client, JsonObject], Any]] = {"flask": _flask, "django": _django}
