"""The few things that must be HTTP: discovery and key set of the local issuer, health, metrics. GET only, fixed paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sessiond_server.domain.address import Address, AddressError
from sessiond_server.transport.addresses import refuse_taken
from sessiond_server.transport.metrics import Metrics

_MAX_REQUEST_BYTES = 16 << 10
_KEY_SET_SECONDS = 300
KEY_SET_PATH = "/.well-known/jwks.json"


def discovery_document(issuer: str, *, key_set_url: str, algorithms: Collection[str]) -> dict[str, Any]:
    """What OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 want said of an issuer that only signs access tokens."""
    return {
        "issuer": issuer,
        "jwks_uri": key_set_url,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted(algorithms),
    }


@dataclass(frozen=True, slots=True)
class LocalDocuments:
    """What is published of the local issuer; `key_set_url` is where others find its keys, None: at this server's own address."""

    issuer: str
    key_set_url: str | None
    algorithms: Collection[str]
    key_set: Callable[[], Mapping[str, Any]]


class HttpServer:
    """Serves documents that are made elsewhere; nothing in a request chooses what they say (`Host` included).

    `unready` gives the reasons for which this server should not get calls; empty when it should.
    """

    def __init__(
        self,
        address: Address,
        *,
        local: LocalDocuments | None,
        unready: Callable[[], Sequence[str]],
        metrics: Metrics,
    ) -> None:
        self._address = address
        self._local = local
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
        self._address = self._address.with_port(self._runner.addresses[0][1])
        return self._address

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        application.add_routes(
            [
                web.get("/healthz", self._show_health),
                web.get("/readyz", self._show_readiness),
                web.get("/metrics", self._show_metrics),
            ]
        )
        if self._local:
            application.add_routes(self._routes_of(self._local))
        return application

    def _routes_of(self, local: LocalDocuments) -> list[web.RouteDef]:
        async def show_discovery(_: web.Request) -> web.Response:
            url = local.key_set_url or f"http://{self._address}{KEY_SET_PATH}"
            return _public(discovery_document(local.issuer, key_set_url=url, algorithms=local.algorithms))

        async def show_key_set(_: web.Request) -> web.Response:
            return _public(local.key_set())

        return [web.get("/.well-known/openid-configuration", show_discovery), web.get(KEY_SET_PATH, show_key_set)]

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
