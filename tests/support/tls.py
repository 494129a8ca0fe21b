"""A server that speaks TLS: one that is given no application answers every request with 404."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.certificates import Pair


@asynccontextmanager
async def tls_server(
    pair: Pair, directory: Path, application: web.Application | None = None
) -> AsyncIterator[int]:
    """Its port on 127.0.0.1; the certificate's files are left in `directory`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(directory, "server"))
    runner = web.AppRunner(application or web.Application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
