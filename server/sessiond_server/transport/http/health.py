"""Whether the process lives, and whether it should get calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from sessiond_server.transport.http.pages import Accepted, Pages


def pages(not_ready_reasons: Callable[[], Sequence[str]], remarks: Callable[[], Sequence[str]]) -> Pages:
    """`/healthz` is always good; `/readyz` names the reasons for which this server should not get calls.

    Below them, or below `ready`, it has the remarks, which change nothing of its status.
    """

    async def show_health(_: Accepted) -> web.Response:
        return web.Response(text="ok\n")

    async def show_readiness(_: Accepted) -> web.Response:
        reasons = not_ready_reasons()
        lines = [*(reasons or ["ready"]), *remarks()]
        return web.Response(text="\n".join(lines) + "\n", status=503 if reasons else 200)

    return {"/healthz": show_health, "/readyz": show_readiness}
