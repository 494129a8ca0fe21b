"""Envoy's ext_authz, answered by the agent: what a client gets, and what reaches the upstream."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond import AsyncClient
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.envoy import DISABLED, Envoy, find_envoy, running_envoy
from tests.support.proofs import Prover
from tests.support.server import Server, running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

COOKIE = "__Host-session"
CHECKS = ("--ext-authz", "--ext-authz-hosts", "app.example")
EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "envoy.yaml"
ROUTES = {
    "/read": {"scopes": "orders:read"},
    "/write": {"scopes": "orders:read orders:write"},
    "/pay": {"max_auth_age": "300", "acr_values": "mfa"},
    "/web": {"credentials": f"cookie:{COOKIE}"},
    "/maybe": {"anonymous": "true"},
    "/public": DISABLED,
    "/typo": {"scope": "orders:read"},
}


@dataclass
class Stage:
    """An Envoy, the server behind its agent, and a client of that."""

    envoy: Envoy
    server: Server
    client: AsyncClient

    async def token(self) -> str:
        tokens = await self.client.create_local_session(
            "alice", scopes=["orders:read"], client_id="web", tenant_id="acme"
        )
        return tokens.access_token


pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)


@pytest.fixture
async def stage(tmp_path: Path, agent_binary: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log"))
        agent = await stack.enter_async_context(
            running_agent(agent_binary, tmp_path / "agent.log", server.grpc, *CHECKS)
        )
        envoy = await stack.enter_async_context(running_envoy(find_envoy(), tmp_path, agent.grpc, ROUTES))
        client = await stack.enter_async_context(AsyncClient(server.grpc))
        yield Stage(envoy, server, client)


async def test_what_a_client_and_an_upstream_get(stage: Stage) -> None:
    """One Envoy for all rows: its start takes longer than they do."""
    token = await stage.token()
    bearer = ("authorization", f"Bearer {token}")
    ask = stage.envoy.ask

    good = await ask("/read", bearer, ("X-Auth-Subject", "root"), ("x-auth-admin", "1"))
    assert good.upstream("x-auth-subject") == ["alice"]
    assert good.upstream("x-auth-tenant") == ["acme"]
    assert good.upstream("x-auth-scopes") == ["orders:read"]
    assert not good.upstream("x-auth-admin")
    assert not good.upstream("authorization")

    nobody = await ask("/read")
    assert nobody.status == 401
    first, second = nobody.all("www-authenticate")
    assert first == 'Bearer scope="orders:read"'
    assert second.startswith('DPoP algs="')
    assert nobody.all("content-type") == ["application/json"]
    assert nobody.all("cache-control") == ["no-store"]

    scope = await ask("/write", bearer)
    assert scope.status == 403
    (challenge,) = scope.all("www-authenticate")
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="orders:read orders:write"' in challenge
    assert json.loads(scope.body)["next_action"] == "DENY"

    step_up = await ask("/pay", bearer)
    assert step_up.status == 401
    (challenge,) = step_up.all("www-authenticate")
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="mfa"' in challenge
    assert 'max_age="300"' in challenge

    assert (await ask("/read", bearer, bearer)).status == 400
    assert (await ask("/typo", bearer)).status == 500

    cookies = ("cookie", f"theme=dark; {COOKIE}={token}; lang=en")
    assert (await ask("/web", cookies)).upstream("cookie") == ["theme=dark; lang=en"]
    assert (await ask("/web", cookies, ("sec-fetch-site", "same-site"), method="POST")).status == 403
    assert (await ask("/web", cookies, ("sec-fetch-site", "same-origin"), method="POST")).status == 200
    assert (await ask("/web", cookies, method="POST")).status == 403
    assert (await ask("/web", ("cookie", f"{COOKIE}={token}"), ("cookie", f"{COOKIE}=x"))).status == 400

    anyone = await ask("/maybe", ("x-auth-subject", "mallory"), ("x_auth_subject", "mallory"))
    assert not [name for name, _ in anyone.reached or () if name.replace("_", "-").startswith("x-auth-")]
    assert (await ask("/maybe", ("authorization", "Bearer e30.e30.e30"))).status == 401

    grpc = await ask("/write", bearer, ("content-type", "application/grpc"), method="POST")
    assert grpc.all("grpc-status") == ["7"]
    assert "{" not in grpc.all("grpc-message")[0]


async def test_a_proof_is_good_once_and_a_bound_token_needs_one(stage: Stage) -> None:
    prover = Prover(generate_private_key(SECP256R1()))
    login = prover.proof("POST", "https://app.example/login")
    tokens = await stage.client.create_local_session("alice", scopes=["orders:read"], dpop=login)
    token = tokens.access_token
    proof = prover.proof("GET", "http://app.example/read", token=token).proof
    headers = (("authorization", f"DPoP {token}"), ("dpop", proof))
    assert (await stage.envoy.ask("/read", *headers)).status == 200
    again = await stage.envoy.ask("/read", *headers)
    assert again.status == 401
    assert again.all("www-authenticate")[0].startswith("DPoP ")
    assert (await stage.envoy.ask("/read", ("authorization", f"Bearer {token}"))).status == 401


async def test_without_a_store_or_a_server_nobody_passes_who_has_to_be_known(stage: Stage) -> None:
    bearer = ("authorization", f"Bearer {await stage.token()}")
    assert (await stage.envoy.ask("/read", bearer)).status == 200
    await stage.server.kill()

    async def is_away() -> bool:
        return (await stage.envoy.ask("/read", bearer)).status == 503

    await eventually(is_away, timeout=10)
    away = await stage.envoy.ask("/read", bearer)
    assert int(away.all("retry-after")[0]) >= 1
    assert not away.all("www-authenticate")
    assert (await stage.envoy.ask("/maybe")).status == 200
    assert (await stage.envoy.ask("/public")).status == 200


async def test_an_envoy_takes_the_example() -> None:
    process = await asyncio.create_subprocess_exec(
        str(find_envoy()), "--mode", "validate", "--config-path", str(EXAMPLE), stdout=PIPE, stderr=DEVNULL
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
