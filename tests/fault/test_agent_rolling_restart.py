"""An agent in front of two servers that are restarted one after the other, while calls go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond.v1 import session_service_pb2 as pb
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.local_issuer import on_store
from tests.support.server import Server, serving
from tests.support.valkeys import HOST, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.agent import Agent

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

MAX_STALENESS = 1.0
HOT, CALLERS = 4, 4


@dataclass
class Load:
    """Calls through the agent and past it, none of which is made twice, and what went wrong with them."""

    agent: Agent
    stub: Any
    direct: list[Any]
    """Stubs of the servers, of which the first is asked."""
    key: str
    over: asyncio.Event = field(default_factory=asyncio.Event)
    on_their_way: Counter[Any] = field(default_factory=Counter)
    """Calls past the agent, by the stub: nothing sends them elsewhere when their server stops."""
    calls: int = 0
    hot_calls: int = 0
    failed: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """How long after a revocation's answer a token was still accepted, beyond the bound."""
    lapses: int = 0

    async def call(self, method: Any, request: Any) -> Any:
        try:
            answer = await method(request, metadata=[("authorization", f"Bearer {self.key}")], timeout=5)
        except grpc.aio.AioRpcError as error:
            self.failed.append(f"{error.code().name} {error.details()}")
            return None
        self.calls += 1
        return answer

    async def accepts(self, token: str) -> bool:
        answer = await self.call(self.stub.ValidateToken, pb.ValidateTokenRequest(token=token))
        return answer is not None and answer.HasField("session")

    async def opened(self) -> Any:
        return await self.call(self.stub.CreateSession, minted())

    async def repeat(self) -> None:
        """Ask about the same token again and again."""
        token = (await self.opened()).tokens.access_token
        await self.accepts(token)
        while not self.over.is_set():
            assert await self.accepts(token) or self.failed
            self.hot_calls += 1

    async def live(self) -> None:
        """Open sessions, use them, refresh them, and revoke them, here or at a server."""
        number = 0
        while not self.over.is_set():
            number += 1
            if (opened := await self.opened()) is None:
                continue
            assert await self.accepts(opened.tokens.access_token) or self.failed
            refresh = pb.RefreshSessionRequest(refresh_token=opened.tokens.refresh_token)
            if (refreshed := await self.call(self.stub.RefreshSession, refresh)) is None:
                continue
            assert await self.accepts(refreshed.tokens.access_token) or self.failed
            revoke = pb.RevokeSessionRequest(session_id=opened.tokens.session.session_id)
            if await (self.revoke_directly if number % 2 else self.revoke)(revoke) is None:
                continue
            await self.is_refused_in_time(refreshed.tokens.access_token)

    async def revoke(self, request: Any) -> Any:
        return await self.call(self.stub.RevokeSession, request)

    async def revoke_directly(self, request: Any) -> Any:
        stub = self.direct[0]
        self.on_their_way[stub] += 1
        answer = await self.call(stub.RevokeSession, request)
        self.on_their_way[stub] -= 1
        return answer

    async def leave_server(self) -> None:
        """Ask the other one directly; return when no call is on its way to the one before."""
        left = self.direct[0]
        self.direct.reverse()
        await eventually(lambda: not self.on_their_way[left])

    async def is_refused_in_time(self, token: str) -> None:
        revoked_at = monotonic()
        while True:
            asked_at = monotonic()
            if not await self.accepts(token):
                return
            if asked_at > revoked_at + MAX_STALENESS:
                self.late.append(asked_at - revoked_at)
                return

    async def look(self) -> None:
        """See that hits go on."""
        while not self.over.is_set():
            self.lapses += not await self.agent.is_fresh()

    def tasks(self) -> list[asyncio.Task[None]]:
        each = [*[self.repeat() for _ in range(HOT)], *[self.live() for _ in range(CALLERS)], self.look()]
        return [asyncio.create_task(one) for one in each]


def minted() -> Any:
    return pb.CreateSessionRequest(local_login=pb.LocalLogin(subject="alice", client_id="web"))


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
@pytest.mark.parametrize("delay", ["0s", "500ms"])
@pytest.mark.slow
async def test_servers_are_restarted_one_after_the_other_and_nobody_notices(
    tmp_path: Path, agent_binary: Path, delay: str, rounds: int
) -> None:
    async with running_valkeys(tmp_path / "store", 1) as (store,), AsyncExitStack() as stack:
        config = on_store(tmp_path, store.url)
        config.tables["server"] |= {
            "drain_delay": delay,
            "anonymous": ["watch"],
        }
        key = config.caller("orders", ["validate", "session", "mint", "revoke"])
        addresses = [f"{HOST}:0"] * 2
        started = 0

        async def start(number: int) -> Server:
            nonlocal started
            started += 1
            config.tables["server"] |= {"listen": addresses[number]}
            serves = serving(config.write(f"{number}.toml"), config.data, tmp_path / f"{started}.log")
            server = await stack.enter_async_context(serves)
            addresses[number] = server.grpc
            return server

        servers = [await start(number) for number in range(2)]
        agent = await stack.enter_async_context(
            running_agent(agent_binary, tmp_path / "agent.log", ",".join(addresses))
        )
        await asyncio.gather(*map(is_watched, servers))
        options = [("grpc.enable_retries", 0)]
        through, *direct = [
            await stack.enter_async_context(grpc.aio.insecure_channel(to, options=options))
            for to in (agent.grpc, *addresses)
        ]
        load = Load(agent, SessionServiceStub(through), [SessionServiceStub(one) for one in direct], key)
        hits = await agent.hits()
        tasks = load.tasks()
        await eventually(lambda: load.calls > 100 or load.failed, timeout=20)
        for number in range(2 * rounds):
            await load.leave_server()
            calls = load.calls
            assert await servers[number % 2].stop() == 0
            servers[number % 2] = await start(number % 2)
            # The next one is stopped once the agent is at both again.
            await is_watched(servers[number % 2])
            await eventually(lambda calls=calls: load.calls > calls + 200 or load.failed, timeout=20)
        load.over.set()
        await asyncio.gather(*tasks)
        assert (load.failed, load.late, load.lapses) == ([], [], 0)
        # A server that has just started may have the agent forget: each token is asked about once more then.
        assert load.hot_calls - (await agent.hits() - hits) <= 2 * HOT * started


async def is_watched(server: Server) -> None:
    """Return when the agent has a watch at this server."""

    async def has_watcher() -> bool:
        async with aiohttp.request("GET", f"http://{server.http}/metrics") as answer:
            return "\nsessiond_watchers 1" in await answer.text()

    await eventually(has_watcher, timeout=60)
