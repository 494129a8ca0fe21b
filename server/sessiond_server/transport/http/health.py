"""Whether the process lives, and whether it should get calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web


def routes(
    not_ready_reasons: Callable[[], Sequence[str]], remarks: Callable[[], Sequence[str]]
) -> list[web.RouteDef]:
    """`/healthz` is always good; `/readyz` names the reasons for which this server should not get calls.

    Below them, or below `ready`, it has the remarks, which change nothing of its status.
    """

    async def show_health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def show_readiness(_: web.Request) -> web.Response:
        reasons = not_ready_reasons()
        lines = [*(reasons or ["ready"]), *remarks()]
        return web.Response(text="\n".join(lines) + "\n", status=503 if reasons else 200)

    return [web.get("/healthz", show_health), web.get("/readyz", show_readiness)]
