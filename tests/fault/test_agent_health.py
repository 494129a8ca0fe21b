"""An agent in front of servers of which one says that it does not serve: the others are asked."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond.v1 import session_service_pb2 as pb
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.local_issuer import on_store
from tests.support.proxy import running_proxy
from tests.support.server import serving
from tests.support.valkeys import HOST, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

CALLS = 20


@pytest.mark.slow
async def test_calls_go_to_the_server_that_has_its_store(tmp_path: Path, agent_binary: Path) -> None:
    async with (
        running_valkeys(tmp_path / "store", 1) as (store,),
        running_proxy(store.port) as link,
        AsyncExitStack() as stack,
    ):
        config = on_store(tmp_path, store.url)
        config.tables["server"]["anonymous"] = ["watch"]
        key = config.caller("orders", ["mint"])
        servers = []
        for port in (store.port, link.port):
            config.tables["store"]["url"] = f"redis://{HOST}:{port}"
            serves = serving(config.write(f"{port}.toml"), config.data, tmp_path / f"{port}.log")
            servers.append(await stack.enter_async_context(serves))
        addresses = ",".join(server.grpc for server in servers)
        agent = await stack.enter_async_context(running_agent(agent_binary, tmp_path / "log", addresses))
        no_retries = [("grpc.enable_retries", 0)]
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(agent.grpc, options=no_retries))
        stub = SessionServiceStub(channel)

        async def all_are_answered() -> bool:
            return [await opened(stub, key) for _ in range(CALLS)] == [grpc.StatusCode.OK] * CALLS

        await eventually(all_are_answered)
        await link.cut()
        await eventually(lambda: is_not_ready(servers[1]), timeout=10)
        # The agent is told when others are.
        await eventually(all_are_answered)
        link.mend()
        before = opened_at(servers[1])
        await eventually(lambda: is_asked(stub, key, servers[1], before), timeout=20)


async def opened(stub: Any, key: str) -> grpc.StatusCode:
    """The status of a call that is not made again."""
    request = pb.CreateSessionRequest(local_login=pb.LocalLogin(subject="alice", client_id="web"))
    try:
        await stub.CreateSession(request, metadata=[("authorization", f"Bearer {key}")], timeout=5)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def is_asked(stub: Any, key: str, server: Server, before: int) -> bool:
    """Whether this server has been asked since `before`, or is now."""
    await opened(stub, key)
    return opened_at(server) > before


def opened_at(server: Server) -> int:
    """How many calls this server has answered."""
    return len([call for call in server.calls() if call["method"] == "CreateSession"])


async def is_not_ready(server: Server) -> bool:
    async with aiohttp.request("GET", f"http://{server.http}/readyz") as answer:
        return answer.status == 503
