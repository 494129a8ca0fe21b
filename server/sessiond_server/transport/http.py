"""The few things that must be HTTP: discovery and key set of the local issuer, health, metrics. GET only, fixed paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from aiohttp import web

from sessiond_server.transport.addresses import Address, AddressError, refuse_taken
from sessiond_server.transport.metrics import Metrics

_MAX_REQUEST_BYTES = 16 << 10
_KEY_SET_SECONDS = 300


def discovery_document(issuer: str, *, key_set_url: str, algorithms: Collection[str]) -> dict[str, Any]:
    """What OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 want said of an issuer that only signs access tokens."""
    return {
        "issuer": issuer,
        "jwks_uri": key_set_url,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted(algorithms),
    }


class HttpServer:
    """Serves documents that are made elsewhere; nothing in a request chooses what they say (`Host` included).

    `unready` gives the reasons for which this server should not get calls; empty when it should.
    """

    def __init__(
        self,
        address: Address,
        *,
        discovery: Callable[[], Mapping[str, Any]],
        key_set: Callable[[], Mapping[str, Any]],
        unready: Callable[[], Sequence[str]],
        metrics: Metrics,
    ) -> None:
        self._address = address
        self._discovery = discovery
        self._key_set = key_set
        self._unready = unready
        self._metrics = metrics
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1)

    async def start(self) -> Address:
        """Begin to answer; returns the address truly listened on. Raises `AddressError`."""
        if self._address.path:
            raise AddressError(f"{self._address} is a Unix socket: HTTP is served at HOST:PORT only")
        refuse_taken(self._address)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address.host, self._address.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise AddressError(f"{self._address} cannot be listened on") from error
        return self._address.with_port(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        application.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._show_discovery),
                web.get("/.well-known/jwks.json", self._show_key_set),
                web.get("/healthz", self._show_health),
                web.get("/readyz", self._show_readiness),
                web.get("/metrics", self._show_metrics),
            ]
        )
        return application

    async def _show_discovery(self, _: web.Request) -> web.Response:
        return _public(self._discovery())

    async def _show_key_set(self, _: web.Request) -> web.Response:
        return _public(self._key_set())

    async def _show_health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _show_readiness(self, _: web.Request) -> web.Response:
        reasons = self._unready()
        return web.Response(text="\n".join(reasons or ["ready"]) + "\n", status=503 if reasons else 200)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), content_type="text/plain", charset="utf-8")


def _public(document: Mapping[str, Any]) -> web.Response:
    headers = {"Cache-Control": f"public, max-age={_KEY_SET_SECONDS}"}
    return web.Response(text=json.dumps(document), content_type="application/json", headers=headers)
