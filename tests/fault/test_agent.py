"""`sessiond-agent` beside a backend: what it passes on, what it answers by itself, and what its callers see."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import (
    FROM_SERVER,
    AsyncClient,
    Cache,
    PermissionDeniedError,
    Rejection,
    Cause,
    Session,
    UnavailableError,
)
from sessiond.errors import read_details
from sessiond.v1 import session_service_pb2
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.domain.identifiers import hashed_id
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.config import Config
from tests.support.proxy import running_proxy
from tests.support.server import running, serving
from tests.support.waiting import eventually
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.agent import Agent
    from tests.support.proxy import Proxy
    from tests.support.server import Server

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
MAX_STALENESS_SECONDS = 1.0
# What the machine takes to run the test itself.
MARGIN_SECONDS = 0.3


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built once for all workers."""
    own = tmp_path_factory.getbasetemp()
    return agents.build(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@dataclass
class Front:
    """An agent, the server behind it, and the keys of callers at that server."""

    agent: Agent
    server: Server
    keys: dict[str, str]

    def client(self, name: str = "", **options: Any) -> AsyncClient:
        """A client of the agent, with the key of a caller."""
        return AsyncClient(self.agent.grpc, key=self.keys.get(name), timeout=5, **options)

    async def numbers(self, name: str) -> float:
        """A metric of the agent."""
        return await metric(self.agent, name)


async def metric(agent: Agent, name: str) -> float:
    """The value of a series, by its name and labels as they are written."""
    reader, writer = await asyncio.open_connection(*agent.http.split(":"))
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")))


async def hits(agent: Agent) -> float:
    return await metric(agent, 'sessiond_agent_validations_total{outcome="hit"}')


async def is_fresh(agent: Agent) -> bool:
    return await metric(agent, "sessiond_agent_watch_fresh") == 1


@pytest.fixture
async def front(tmp_path: Path, binary: Path) -> AsyncIterator[Front]:
    """A server that knows three callers, and an agent that is one of them."""
    config = Config(tmp_path, issuers=[LOCAL])
    groups = {
        "agent": ["validate", "watch", "session", "revoke", "mint"],
        "orders": ["validate", "session", "mint", "revoke"],
        "reader": ["read"],
    }
    keys = {name: config.caller(name, of) for name, of in groups.items()}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        running_agent(
            binary, tmp_path / "agent.log", server.grpc, "--key-file", str(tmp_path / "agent.key")
        ) as agent,
    ):
        await eventually(lambda: is_fresh(agent), timeout=20)
        yield Front(agent, server, keys)


async def test_every_call_goes_through_and_validations_are_answered_from_memory(front: Front) -> None:
    async with front.client("orders") as client:
        tokens = await client.create_local_session("alice", scopes=["read"])
        before = len(front.server.calls())
        for _ in range(20):
            session = await client.validate(tokens.access_token, scopes=["read"], consistency=FROM_SERVER)
            assert isinstance(session, Session)
        assert await hits(front.agent) >= 19
        calls = [line for line in front.server.calls()[before:] if line["method"] == "ValidateToken"]
        assert len(calls) <= 1
        next_tokens = await client.refresh(tokens.refresh_token)
        assert isinstance(await client.validate(next_tokens.access_token), Session)
        await client.revoke_session(tokens.session.session_id, cause=Cause.ADMIN)
        found = await client.validate(tokens.access_token, scopes=["read"])
        assert isinstance(found, Rejection)


async def test_what_a_caller_has_revoked_is_not_answered_from_memory_again(front: Front) -> None:
    async with front.client("orders") as client, front.client() as other:
        for _ in range(20):
            tokens = await client.create_local_session("alice")
            for one in (client, other):
                assert isinstance(await one.validate(tokens.access_token), Session)
            await client.revoke_session(tokens.session.session_id)
            for one in (client, other):
                assert isinstance(await one.validate(tokens.access_token), Rejection)


async def test_nobody_gets_what_only_another_caller_may_have(front: Front) -> None:
    """Neither a verdict that was kept for another, nor the agent's rights beside a key of one's own."""
    async with front.client("orders") as orders, front.client("reader", cache=None) as reader:
        token = (await orders.create_local_session("alice")).access_token
        for _ in range(3):
            assert isinstance(await orders.validate(token), Session)
            with pytest.raises(PermissionDeniedError):
                await reader.validate(token)


@pytest.mark.parametrize(
    "authorizations",
    [["Bearer nobody's key"], ["Basic eDp5"], [""], ["Bearer"], ["Bearer x", "Bearer y"], "doubled"],
)
async def test_a_bad_key_is_never_replaced_by_that_of_the_agent(
    front: Front, authorizations: list[str] | str
) -> None:
    if authorizations == "doubled":
        authorizations = [f"Bearer {front.keys['orders']}"] * 2
    metadata = [("authorization", one) for one in authorizations]
    async with grpc.aio.insecure_channel(front.agent.grpc) as channel:
        stub: Any = SessionServiceStub(channel)
        request = session_service_pb2.ValidateTokenRequest(token="x")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ValidateToken(request, metadata=metadata, timeout=5)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        call = stub.WatchRevocations(session_service_pb2.WatchRevocationsRequest(), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as not_watching:
            await call.read()
        assert not_watching.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_caller_without_a_key_can_validate_and_watch_and_nothing_else(front: Front) -> None:
    """The agent's own key is good for more."""
    async with front.client("orders") as orders, front.client() as nobody:
        tokens = await orders.create_local_session("alice")
        assert isinstance(await nobody.validate(tokens.access_token), Session)
        (verdict,) = await nobody.validate_all([tokens.access_token])
        assert isinstance(verdict, Session)
        for forbidden in (
            nobody.create_local_session("mallory"),
            nobody.refresh(tokens.refresh_token),
            nobody.revoke_session(tokens.session.session_id),
            nobody.get_session(tokens.session.session_id),
        ):
            with pytest.raises(PermissionDeniedError):
                await forbidden
        async with (
            grpc.aio.insecure_channel(front.agent.grpc) as channel,
            watching(channel) as watcher,
        ):
            await watcher.next("freshness")


async def test_who_may_not_watch_at_a_server_may_not_here(front: Front) -> None:
    async with grpc.aio.insecure_channel(front.agent.grpc) as channel:
        async with watching(channel, key=front.keys["orders"]) as watcher:
            code, details = await watcher.ended()
            assert (code, details.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_PERMITTED")
        async with watching(channel, key=front.keys["agent"]) as watcher:
            await watcher.next("freshness")


async def test_an_error_comes_with_all_that_a_server_says(front: Front) -> None:
    async with grpc.aio.insecure_channel(front.agent.grpc) as channel:
        stub: Any = SessionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetSession(
                session_service_pb2.GetSessionRequest(session_id="x"),
                metadata=[("authorization", f"Bearer {front.keys['reader']}")],
                timeout=5,
            )
        trailers: dict[str, Any] = dict(refused.value.trailing_metadata() or ())
        details = read_details(trailers["grpc-status-details-bin"])
        assert (details.reason, details.metadata["field"]) == ("FIELD_INVALID", "session_id")
        assert len([one for one in refused.value.trailing_metadata() or () if "details" in one[0]]) == 1


@dataclass
class Link:
    """A server, a link to it that can fail, an agent behind the link, and an agent behind that."""

    server: Server
    proxy: Proxy
    near: Agent
    far: Agent


@asynccontextmanager
async def linked(tmp_path: Path, binary: Path) -> AsyncIterator[Link]:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_proxy(int(server.grpc.rpartition(":")[2])) as proxy,
        running_agent(binary, tmp_path / "near.log", f"127.0.0.1:{proxy.port}") as near,
        running_agent(binary, tmp_path / "far.log", near.grpc) as far,
    ):
        await eventually(lambda: is_fresh(far), timeout=20)
        yield Link(server, proxy, near, far)


@pytest.mark.parametrize("fault", ["none", "held", "cut", "delayed"])
async def test_what_was_revoked_is_refused_in_time_however_many_agents_are_between(
    tmp_path: Path, binary: Path, fault: str
) -> None:
    async with (
        linked(tmp_path, binary) as link,
        AsyncClient(link.server.grpc, timeout=5) as direct,
        AsyncClient(link.far.grpc, timeout=5, cache=Cache()) as client,
    ):
        tokens = await direct.create_local_session("alice")
        # Each of the three caches answers by itself before the link fails.
        await eventually(lambda: is_repeated(client, tokens.access_token))
        if fault == "held":
            link.proxy.hold()
        elif fault == "cut":
            await link.proxy.cut()
        elif fault == "delayed":
            link.proxy.delay_seconds = 5.0
        await direct.revoke_session(tokens.session.session_id)
        revoked_at = time.monotonic()
        last_accepted_at = revoked_at
        while (now := time.monotonic()) < revoked_at + MAX_STALENESS_SECONDS + 1.5:
            try:
                found = await client.validate(tokens.access_token, timeout=0.2)
            except UnavailableError:
                continue
            if isinstance(found, Rejection):
                break
            last_accepted_at = now
            await asyncio.sleep(0.005)
        assert last_accepted_at - revoked_at <= MAX_STALENESS_SECONDS + MARGIN_SECONDS


async def is_repeated(client: AsyncClient, token: str) -> bool:
    before = client.numbers.hits
    assert isinstance(await client.validate(token), Session)
    return client.numbers.hits > before


async def test_a_link_that_comes_back_is_watched_again_without_a_reset(tmp_path: Path, binary: Path) -> None:
    async with (
        linked(tmp_path, binary) as link,
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


async def test_a_watcher_goes_on_where_it_was_and_is_reset_anywhere_else(front: Front) -> None:
    async with (
        front.client("orders") as client,
        grpc.aio.insecure_channel(front.agent.grpc) as channel,
        grpc.aio.insecure_channel(front.server.grpc) as to_server,
    ):
        async with (
            watching(channel) as watcher,
            watching(to_server, key=front.keys["agent"]) as at_server,
        ):
            last = await watcher.next("freshness")
            of_server = await at_server.next("started")
        missed = (await client.create_local_session("alice")).session.session_id
        await client.revoke_session(missed)
        async with watching(channel, last.revision) as watcher:
            await watcher.revoked(hashed_id("session", "", missed))
            assert "reset" not in watcher.kinds()
        async with watching(channel, of_server.revision) as watcher:
            await watcher.next("reset")


async def test_a_server_that_goes_and_comes_back_is_found_again(tmp_path: Path, binary: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "1.log") as server:
        address = server.grpc
        async with running_agent(binary, tmp_path / "agent.log", address) as agent:
            await eventually(lambda: is_fresh(agent), timeout=20)
            async with AsyncClient(agent.grpc, timeout=2) as client:
                token = (await AsyncClient(address).create_local_session("alice")).access_token
                assert isinstance(await client.validate(token), Session)
                await server.kill()
                with pytest.raises(UnavailableError):
                    await client.validate("another")
                await agent.said("no server can be reached")
                async with running(tmp_path / "d", tmp_path / "2.log", listen=address):
                    await eventually(lambda: is_fresh(agent), timeout=20)
                    assert isinstance(await client.validate(token), Session)


async def test_two_servers_are_watched_and_either_may_go(tmp_path: Path, binary: Path) -> None:
    """While one of them stops, verdicts are repeated from memory all the same."""
    async with (
        running(tmp_path / "d", tmp_path / "1.log") as one,
        running(tmp_path / "d", tmp_path / "2.log", join=True) as other,
        running_agent(binary, tmp_path / "agent.log", f"{one.grpc},{other.grpc}") as agent,
        AsyncClient(agent.grpc, timeout=2) as client,
        AsyncClient(one.grpc, timeout=5) as direct,
    ):
        token = (await direct.create_local_session("alice")).access_token
        await eventually(
            lambda: len([line for line in agent.lines() if line.get("state") == "fresh"]) == 2, timeout=20
        )

        async def is_kept() -> bool:
            assert isinstance(await client.validate(token), Session)
            return await hits(agent) > 0

        await eventually(is_kept)
        async with AsyncClient(other.grpc, timeout=5) as to_other:
            for server in (direct, to_other):
                assert (await server.revocation_status()).watchers == 1
        before = await hits(agent)
        await other.stop()
        for _ in range(100):
            assert isinstance(await client.validate(token), Session)
            await asyncio.sleep(0.005)
        # The first may have been kept without the watch, for as long as anybody may.
        assert await hits(agent) >= before + 99


async def test_an_agent_that_stops_says_so_first_and_sends_its_watchers_elsewhere(
    tmp_path: Path, binary: Path
) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(binary, tmp_path / "agent.log", server.grpc, "--drain-delay", "300ms") as agent,
        grpc.aio.insecure_channel(agent.grpc) as channel,
        AsyncExitStack() as stack,
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        await eventually(lambda: is_fresh(agent), timeout=20)
        watcher = await stack.enter_async_context(watching(channel))
        while (await watch.read()).status != health_pb2.HealthCheckResponse.SERVING:
            pass
        await watcher.next("freshness")
        agent.process.terminate()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await watcher.next("freshness")
        code, details = await watcher.ended()
        assert (code, details.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        assert details.retry_after is not None
        assert details.retry_after.total_seconds() == 0
        assert await agent.process.wait() == 0


async def test_on_a_unix_socket_only_one_agent_listens(tmp_path: Path, binary: Path) -> None:
    path = tmp_path / "private" / "agent.sock"
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(binary, tmp_path / "1.log", server.grpc, listen=f"unix:{path}") as agent,
    ):
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o660, 0o750)
        check = await asyncio.create_subprocess_exec(binary, "healthcheck", agent.grpc)
        await eventually(lambda: is_fresh(agent), timeout=20)
        assert await check.wait() == 0
        second = await asyncio.create_subprocess_exec(
            binary, "--servers", server.grpc, "--listen", f"unix:{path}", stderr=asyncio.subprocess.PIPE
        )
        _, said = await second.communicate()
        assert (second.returncode, b"in use by another sessiond" in said) == (1, True)
        path.parent.chmod(0o777)
        third = await asyncio.create_subprocess_exec(
            binary, "--servers", server.grpc, "--listen", f"unix:{path}x", stderr=asyncio.subprocess.PIPE
        )
        _, said = await third.communicate()
        assert (third.returncode, b"can be written by anyone" in said) == (1, True)


async def test_in_clear_and_for_strangers_it_does_not_start(binary: Path) -> None:
    for arguments, expected in (
        ((), b"--servers is missing"),
        (("--servers", "localhost:1", "--listen", "0.0.0.0:0"), b"in clear"),
        (("--servers", "localhost:1", "--anonymous", "revoke"), b"allowed are validate, watch and none"),
    ):
        process = await asyncio.create_subprocess_exec(binary, *arguments, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert (process.returncode, expected in said) == (2, True)
