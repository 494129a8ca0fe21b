"""What stands in front of a site, as in production: it ends TLS, and shares requests out to the processes."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence

SITE = "shop.example"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Exchange:
    """A request of the site, and what was answered."""

    method: str
    target: str
    cookies: str
    process: int
    status: int = 0
    set_cookies: list[str] = field(default_factory=list)
    location: str = ""

    def value(self, name: str) -> str | None:
        """That of a cookie which the answer sets."""
        values = [
            line.partition("=")[2].partition(";")[0]
            for line in self.set_cookies
            if line.startswith(f"{name}=")
        ]
        return values[-1] if values else None


class Front:
    """The site's processes by their addresses, and pages of other sites.

    `process=1` in a query sends a request to that one. One that has `slow` there waits until `release`.
    """

    def __init__(self, processes: Sequence[str]) -> None:
        self.port = 0
        self.exchanges: list[Exchange] = []
        self.pages: dict[str, list[str]] = {}
        """The `Set-Cookie` lines of other hosts' pages."""
        self.drops_answers = False
        self._processes = processes
        self._turns = itertools.cycle(range(len(processes)))
        self._slow = asyncio.Event()

    def begin_anew(self) -> None:
        """Forget what was, and let slow requests wait."""
        self.exchanges.clear()
        self.drops_answers = False
        self._slow.clear()

    def release(self) -> None:
        """Let the slow requests go on."""
        self._slow.set()

    def of(self, path: str) -> list[Exchange]:
        """What was answered to requests for a path."""
        return [one for one in self.exchanges if one.target.partition("?")[0] == path and one.status]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.host != SITE:
            page = web.Response(text=f"<title>{request.host}</title><body>", content_type="text/html")
            for line in self.pages.get(request.host, []):
                page.headers.add("Set-Cookie", line)
            return page
        process = int(request.query.get("process", next(self._turns)))
        exchange = Exchange(request.method, request.raw_path, request.headers.get("Cookie", ""), process)
        self.exchanges.append(exchange)
        body = await request.read()
        if "slow" in request.query:
            await self._slow.wait()
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
        async with (
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.request(
                request.method,
                f"http://{self._processes[process]}{request.raw_path}",
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as found,
        ):
            content = await found.read()
        exchange.status = found.status
        exchange.set_cookies = found.headers.getall("Set-Cookie", [])
        exchange.location = found.headers.get("Location", "")
        if self.drops_answers:
            assert request.transport
            request.transport.abort()
        answer = web.Response(status=found.status, body=content)
        answer.headers.clear()
        for name, value in found.headers.items():
            if name.lower() not in HOP_BY_HOP:
                answer.headers.add(name, value)
        return answer


@asynccontextmanager
async def running_front(processes: Sequence[str], tls: ssl.SSLContext) -> AsyncIterator[Front]:
    front = Front(processes)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        front.port = runner.addresses[0][1]
        yield front
    finally:
        front.release()
        await runner.cleanup()
