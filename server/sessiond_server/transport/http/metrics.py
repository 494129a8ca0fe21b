"""What is measured, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from sessiond_server.transport.http.pages import Pages


def pages(render: Callable[[], bytes]) -> Pages:
    """`/metrics` shows what `render` gives: Prometheus' text."""

    def show_metrics() -> web.Response:
        return web.Response(body=render(), content_type="text/plain", charset="utf-8")

    return {"/metrics": show_metrics}
