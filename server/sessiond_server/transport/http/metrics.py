"""What is measured, for Prometheus."""

from __future__ import annotations

from aiohttp import web

from sessiond_server.service.telemetry import Expose
from sessiond_server.transport.http.pages import Accepted, Pages


def pages(expose: Expose) -> Pages:
    """`/metrics` shows what `expose` gives, in the form that is accepted."""

    async def show_metrics(accepted: Accepted) -> web.Response:
        shown = await expose(accept=accepted.types, accept_encoding=accepted.encodings)
        return web.Response(body=shown.body, headers=shown.headers)

    return {"/metrics": show_metrics}
