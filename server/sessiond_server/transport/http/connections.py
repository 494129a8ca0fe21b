"""What a connection to the HTTP port may cost, and what is heard of it.

It has one request, and every answer says `Connection: close`. A connection that stayed open between requests
would be cut by its time limit just when a scraper uses it again. Little is lost by it: the kubelet opens a
connection for each probe anyway, and Prometheus' scrapes are further apart than a connection may live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import HttpRefusal
from sessiond_server.transport.http.pages import Accepted, Pages

MAX_CONNECTIONS: Final = 100
MAX_SECONDS: Final = 10.0
# Nothing is to be sent here: this is what the header of a request may have, and a body with it.
_MAX_RECEIVED_BYTES: Final = 16 << 10
_MAX_LINE_BYTES: Final = 8 << 10
_MALFORMED: Final = 400
_FAILED: Final = 500
_READ: Final = frozenset({"GET", "HEAD"})


class LimitedServer(web.Server):
    """Answers with pages, over connections that are limited in number, time and size.

    Where there is one too many, the oldest is closed, and not the newest: whoever keeps connections open must
    not be able to keep a probe out. `refused` is told the cause, for each connection that was cut and each
    request that was none.
    """

    def __init__(
        self, pages: Pages, *, max_seconds: float, refused: Callable[[HttpRefusal], None], logger: Logger
    ) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            return await _answer(pages, request)

        super().__init__(answer, request_factory=_Request.of)
        self._max_seconds = max_seconds
        self._open: dict[web.RequestHandler, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}
        self._logger = logger
        self.refused = refused

    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, logger=self._logger)

    @override
    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._open) >= MAX_CONNECTIONS:
            self.cut(next(iter(self._open)), "FULL")
        timer = asyncio.get_running_loop().call_later(self._max_seconds, self.cut, handler, "SLOW")
        self._open[handler] = transport, timer

    @override
    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if handler in self._open:
            _, timer = self._open.pop(handler)
            timer.cancel()

    def cut(self, handler: web.RequestHandler, cause: HttpRefusal) -> None:
        """Close a connection at once, whatever was not sent yet."""
        if handler in self._open:
            transport, timer = self._open.pop(handler)
            timer.cancel()
            transport.abort()
            self.refused(cause)


class _Connection(web.RequestHandler):
    """One connection, of which no text of the library is told: it would quote the request."""

    def __init__(self, server: LimitedServer, *, logger: Logger) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # as its own documentation has it
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
        )
        self._server = server
        self._our_logger = logger
        self._left_bytes = _MAX_RECEIVED_BYTES

    @override
    def data_received(self, data: bytes) -> None:
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._server.cut(self, "LARGE")
            return
        super().data_received(data)

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = _FAILED,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status == _MALFORMED:
            self._server.refused("MALFORMED")
        else:
            self.log_exception(exc_info=exc)
        return web.Response(status=status)

    @override
    def log_exception(self, *_args: Any, exc_info: BaseException | None = None, **_named: Any) -> None:
        if isinstance(exc_info, web.RequestPayloadError):
            self._server.refused("MALFORMED")
            return
        self._our_logger.error("a request over HTTP failed", failure=type(exc_info).__name__)


class _Request(web.BaseRequest):
    """A request whose answer does not say what answers it."""

    @classmethod
    def of(cls, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> _Request:
        return cls(message, payload, protocol, writer, task, asyncio.get_running_loop())

    # It is aiohttp's own, because the public signal for this, `on_response_prepare`, is not sent for what is
    # malformed.
    @override
    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.force_close()
        response.headers["Connection"] = "close"
        response.headers.pop("Server", None)


async def _answer(pages: Pages, request: web.BaseRequest) -> web.Response:
    page = pages.get(request.path)
    if page is None:
        return web.Response(status=404)
    if request.method not in _READ:
        return web.Response(status=405, headers={"Allow": ", ".join(sorted(_READ))})
    headers = request.headers
    return await page(Accepted(headers.get("Accept", ""), headers.get("Accept-Encoding", "")))
