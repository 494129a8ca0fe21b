"""Backends on threads: Flask and Django, behind werkzeug's server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, request
from serving import METHODS, Handled, JsonObject, marks_of, options_of
from werkzeug.serving import WSGIRequestHandler, make_server

import sessiond.flask
from sessiond import Client


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
    sessiond.flask.protect(app, client, **protection, **options_of(command))

    def answer(**_: str) -> Response:
        return Response(handled.text(path=request.path), mimetype="application/json")

    def add(path: str, view: Any) -> None:
        app.add_url_rule(path, path, view, methods=METHODS, provide_automatic_options=False)

    for path, mark in marks.items():
        add(path, mark(partial(answer)))
    if "/" not in marks:
        add("/", answer)
    add("/<path:path>", answer)
    return app


def _django(client: Client, command: JsonObject) -> Any:
    import serving_django

    return serving_django.on_threads(client, command)


KINDS: dict[str, Callable[[Client, JsonObject], Any]] = {"flask": _flask, "django": _django}
