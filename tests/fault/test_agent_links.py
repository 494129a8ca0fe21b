"""`sessiond-agent` while links, servers and agents fail: what was revoked is refused in time all the same."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import (
    AsyncClient,
    Cache,
    Rejection,
    Session,
    UnavailableError,
)
from sessiond_server.domain.identifiers import hashed_id
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.proxy import running_proxy
from tests.support.server import running
from tests.support.waiting import eventually
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.agent import Agent
    from tests.support.proxy import Proxy
    from tests.support.server import Server

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

MAX_STALENESS_SECONDS = 1.0
# What the machine takes to run the test itself.
MARGIN_SECONDS = 0.3


@dataclass
class Link:
    """A server, a link to it that can fail, an agent behind the link, and an agent behind that."""

    server: Server
    proxy: Proxy
    near: Agent
    far: Agent


@asynccontextmanager
async def linked(tmp_path: Path, agent_binary: Path) -> AsyncIterator[Link]:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_proxy(int(server.grpc.rpartition(":")[2])) as proxy,
        running_agent(agent_binary, tmp_path / "near.log", f"127.0.0.1:{proxy.port}") as near,
        running_agent(agent_binary, tmp_path / "far.log", near.grpc) as far,
    ):
        await far.follows()
        yield Link(server, proxy, near, far)


@pytest.mark.parametrize("fault", ["none", "held", "cut", "delayed"])
@pytest.mark.slow
async def test_what_was_revoked_is_refused_in_time_however_many_agents_are_between(
    tmp_path: Path, agent_binary: Path, fault: str
) -> None:
    async with (
        linked(tmp_path, agent_binary) as link,
        AsyncClient(link.server.grpc, timeout=5) as direct,
        AsyncClient(link.far.grpc, timeout=5, cache=Cache()) as keeping,
        AsyncClient(link.far.grpc, timeout=5) as asking,
    ):
        tokens = await direct.create_local_session("alice")
        # The caches of client and agent live by their watches before the link fails.
        await eventually(Watched(keeping, asking, link.far, tokens.access_token).live, timeout=20)
        if fault == "held":
            link.proxy.hold()
        elif fault == "cut":
            await link.proxy.cut()
        elif fault == "delayed":
            link.proxy.delay_seconds = 5.0
        await direct.revoke_session(tokens.session.session_id)
        lasted = await asyncio.gather(*(accepted_for(one, tokens.access_token) for one in (keeping, asking)))
        assert max(lasted) <= MAX_STALENESS_SECONDS + MARGIN_SECONDS


@dataclass
class Watched:
    """A token that is validated by a client that keeps verdicts, and by one that asks an agent."""

    keeping: AsyncClient
    asking: AsyncClient
    agent: Agent
    token: str
    asked: float = -1
    since: float = 0

    async def live(self) -> bool:
        """Whether nobody had to be asked for so long that no cache lives without its watch."""
        for one in (self.keeping, self.asking):
            assert isinstance(await one.validate(self.token), Session)
        asked = self.keeping.numbers.misses + await self.agent.metric(
            'sessiond_agent_validations_total{outcome="miss"}'
        )
        if asked != self.asked:
            self.asked, self.since = asked, time.monotonic()
        return time.monotonic() - self.since > MAX_STALENESS_SECONDS


async def accepted_for(client: AsyncClient, token: str) -> float:
    """For how many seconds from now on a token is accepted; it is tried for longer than it may be."""
    began = last = time.monotonic()
    while (now := time.monotonic()) < began + 2.5 * MAX_STALENESS_SECONDS:
        try:
            found = await client.validate(token, timeout=0.2)
        except UnavailableError:
            continue
        if isinstance(found, Rejection):
            break
        last = now
        await asyncio.sleep(0.005)
    return last - began


@pytest.mark.slow
async def test_a_link_that_comes_back_is_watched_again_without_a_reset(
    tmp_path: Path, agent_binary: Path
) -> None:
    async with (
        linked(tmp_path, agent_binary) as link,
        AsyncClient(link.server.grpc, timeout=5) as direct,
        grpc.aio.insecure_channel(link.far.grpc) as channel,
        watching(channel) as watcher,
    ):
        await watcher.next("freshness")
        await link.proxy.cut()
        ended = (await direct.create_local_session("alice")).session.session_id
        await direct.revoke_session(ended)
        link.proxy.mend()
        await watcher.revoked(hashed_id("session", "", ended))
        assert "reset" not in watcher.kinds()


async def test_a_server_that_goes_and_comes_back_is_found_again(tmp_path: Path, agent_binary: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "1.log") as server:
        address = server.grpc
        async with running_agent(agent_binary, tmp_path / "agent.log", address) as agent:
            await agent.follows()
            async with AsyncClient(agent.grpc, timeout=2) as client:
                token = (await AsyncClient(address).create_local_session("alice")).access_token
                assert isinstance(await client.validate(token), Session)
                await server.kill()
                with pytest.raises(UnavailableError):
                    await client.validate("another")
                await agent.said("no server can be reached")
                async with running(tmp_path / "d", tmp_path / "2.log", listen=address):
                    await agent.follows()
                    assert isinstance(await client.validate(token), Session)


@pytest.mark.slow
async def test_two_servers_are_watched_and_either_may_go(tmp_path: Path, agent_binary: Path) -> None:
    """While one of them stops, verdicts are repeated from memory all the same."""
    async with (
        running(tmp_path / "d", tmp_path / "1.log") as one,
        running(tmp_path / "d", tmp_path / "2.log", join=True) as other,
        running_agent(agent_binary, tmp_path / "agent.log", f"{one.grpc},{other.grpc}") as agent,
        AsyncClient(agent.grpc, timeout=2) as client,
        AsyncClient(one.grpc, timeout=5) as direct,
    ):
        token = (await direct.create_local_session("alice")).access_token
        await eventually(
            lambda: len([line for line in agent.lines() if line.get("state") == "fresh"]) == 2, timeout=20
        )

        async def is_kept() -> bool:
            assert isinstance(await client.validate(token), Session)
            return await agent.hits() > 0

        await eventually(is_kept)
        async with AsyncClient(other.grpc, timeout=5) as to_other:
            for server in (direct, to_other):
                assert (await server.revocation_status()).watchers == 1
        before = await agent.hits()
        await other.stop()
        for _ in range(100):
            assert isinstance(await client.validate(token), Session)
            await asyncio.sleep(0.005)
        # The first may have been kept without the watch, for as long as anybody may.
        assert await agent.hits() >= before + 99
