"""The HTTP port: GET only, fixed paths, documents that are made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Expose, Telemetry
from sessiond_server.transport.addresses import refuse_taken
from sessiond_server.transport.http import documents, health, metrics
from sessiond_server.transport.http.connections import MAX_CONNECTIONS, MAX_SECONDS, LimitedServer
from sessiond_server.transport.http.documents import LocalDocuments
from sessiond_server.transport.http.pages import Pages


class HttpServer:
    """Serves health, metrics, and what is published of the local issuer.

    `not_ready_reasons` are those for which this server should not get calls, empty when it should; `remarks`
    are what else an operator should know.
    """

    def __init__(
        self,
        address: Address,
        *,
        local: LocalDocuments | None,
        not_ready_reasons: Callable[[], Sequence[str]],
        remarks: Callable[[], Sequence[str]],
        expose: Expose,
        telemetry: Telemetry,
        logger: Logger,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._address = address
        pages: Pages = {**health.pages(not_ready_reasons, remarks), **metrics.pages(expose)}
        if local:
            pages = {**pages, **documents.pages(local, address=lambda: self._address)}
        server = LimitedServer(pages, max_seconds=max_seconds, refused=telemetry.http_refused, logger=logger)
        self._runner = web.ServerRunner(server, shutdown_timeout=1)

    async def start(self) -> Address:
        """Begin to answer; returns the address truly listened on. Raises `AddressError`."""
        if self._address.path:
            raise AddressError(f"{self._address} is a Unix socket: HTTP is served at HOST:PORT only")
        refuse_taken(self._address)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address.host, self._address.port, backlog=MAX_CONNECTIONS)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise AddressError(f"{self._address} cannot be listened on") from error
        self._address = self._address.with_port(self._runner.addresses[0][1])
        return self._address

    async def stop(self) -> None:
        """Stop answering, and close the port."""
        await self._runner.cleanup()
