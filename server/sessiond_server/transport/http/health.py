"""Whether the process lives, and whether it should get calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web


def routes(not_ready_reasons: Callable[[], Sequence[str]]) -> list[web.RouteDef]:
    """`/healthz` is always good; `/readyz` names the reasons for which this server should not get calls."""

    async def show_health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def show_readiness(_: web.Request) -> web.Response:
        reasons = not_ready_reasons()
        return web.Response(text="\n".join(reasons or ["ready"]) + "\n", status=503 if reasons else 200)

    return [web.get("/healthz", show_health), web.get("/readyz", show_readiness)]
