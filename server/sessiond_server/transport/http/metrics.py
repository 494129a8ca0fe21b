"""What is measured, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


def routes(render: Callable[[], bytes]) -> list[web.RouteDef]:
    """`/metrics` shows what `render` gives: Prometheus' text."""

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=render(), content_type="text/plain", charset="utf-8")

    return [web.get("/metrics", show_metrics)]
