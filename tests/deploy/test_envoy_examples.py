"""The examples of Envoy's own settings, in a real Envoy with an agent on a Unix socket beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from sessiond import AsyncClient
from tests.deploy.test_gateways import EXAMPLES, all_of, read
from tests.support import kubernetes
from tests.support.agent import Agent, running_agent
from tests.support.envoy import Envoy, envoy_with, find_envoy, telling_upstream
from tests.support.server import Server, running
from tests.support.valkeys import HOST, free_port
from tests.support.waiting import eventually

FORGED = (("X-Auth-Subject", "root"), ("x-auth-tenant", "acme"))
PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
UNJUDGED = {
    "match": {"prefix": "/unjudged/"},
    "route": {"cluster": "orders"},
    "typed_per_filter_config": {"envoy.filters.http.ext_authz": {"@type": PER_ROUTE, "disabled": True}},
}


def settings(*, socket: Path, upstream: int, port: int, is_istio: bool) -> Any:
    """The example with addresses of this machine, and a route more, where the filter is off."""
    resources = yaml.safe_load((EXAMPLES / "envoy.yaml").read_text())["static_resources"]
    (listener,) = resources["listeners"]
    listener["address"]["socket_address"] = {"address": HOST, "port_value": port}
    agent, orders = resources["clusters"]
    all_of(agent, "pipe")[0]["path"] = str(socket)
    all_of(orders, "socket_address")[0].update(address=HOST, port_value=upstream)
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    if is_istio:
        merge_as_istio_does(manager)
    (virtual_host,) = manager["route_config"]["virtual_hosts"]
    virtual_host["routes"].insert(0, UNJUDGED)
    virtual_host["domains"] = ["*"]
    return {"static_resources": resources}


def merge_as_istio_does(manager: Any) -> None:
    """Put what istio.yaml patches into a gateway in the place of the example's own protections."""
    patches = kubernetes.one(read("istio"), "EnvoyFilter")["spec"]["configPatches"]
    orders, _, everything_else = manager["route_config"]["virtual_hosts"][0]["routes"]
    routes = {"orders": orders, "everything-else": everything_else}
    for patch in patches:
        value = patch["patch"]["value"]
        if patch["applyTo"] == "NETWORK_FILTER":
            manager |= value["typed_config"]
        else:
            routes[all_of(patch["match"], "route")[0]["name"]] |= value


class Stage:
    """An Envoy with the example, its agent, and the server behind that."""

    def __init__(self, envoy: Envoy, agent: Agent, server: Server) -> None:
        self.envoy, self.agent, self.server = envoy, agent, server

    async def token(self) -> str:
        async with AsyncClient(self.server.grpc) as client:
            return (await client.create_local_session("alice", scopes=["orders:read"])).access_token


@pytest.fixture(params=["envoy", "istio"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path, agent_binary: Path) -> AsyncIterator[Stage]:
    socket, port = tmp_path / "run" / "agent.sock", free_port()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log"))
        agent = await stack.enter_async_context(
            running_agent(
                agent_binary, tmp_path / "agent.log", server.grpc, "--ext-authz", listen=f"unix:{socket}"
            )
        )
        upstream = await stack.enter_async_context(telling_upstream())
        said = settings(socket=socket, upstream=upstream, port=port, is_istio=request.param == "istio")
        await stack.enter_async_context(envoy_with(find_envoy(), tmp_path, said))
        yield Stage(Envoy(port), agent, server)


def identity(headers: list[tuple[str, str]] | None) -> list[tuple[str, str]]:
    assert headers is not None
    return [(name, value) for name, value in headers if name.replace("_", "-").startswith("x-auth-")]


async def test_a_client_is_who_its_token_says_and_nobody_else(stage: Stage) -> None:
    ask = stage.envoy.ask
    bearer = ("authorization", f"Bearer {await stage.token()}")
    good = await ask("/orders/1", bearer, *FORGED)
    assert good.upstream("x-auth-subject") == ["alice"]
    assert good.upstream("x-auth-tenant") == []
    assert (await ask("/orders/1", *FORGED)).status == 401
    # Neither where nobody has to be known, nor where nothing judges.
    assert identity((await ask("/", *FORGED)).reached) == []
    assert identity((await ask("/unjudged/", *FORGED)).reached) == []
    assert (await ask("/unjudged/", ("x_auth_subject", "root"))).status == 400
    assert (await ask("/unjudged/%2e%2e%2forders/1")).status == 400


async def test_without_the_agent_nobody_passes_whom_it_would_judge(stage: Stage) -> None:
    bearer = ("authorization", f"Bearer {await stage.token()}")
    assert (await stage.envoy.ask("/orders/1", bearer)).status == 200
    await stage.agent.stop()

    async def is_away() -> bool:
        return (await stage.envoy.ask("/orders/1", bearer)).status == 503

    await eventually(is_away, timeout=10)
    assert (await stage.envoy.ask("/")).status == 503
    assert (await stage.envoy.ask("/unjudged/")).status == 200
