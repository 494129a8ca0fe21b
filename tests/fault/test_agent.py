"""`sessiond-agent` beside a backend: what it passes on, and whose rights its callers have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond import (
    FROM_SERVER,
    AsyncClient,
    Cause,
    PermissionDeniedError,
    Rejection,
    Session,
)
from sessiond.errors import read_details
from sessiond.v1 import session_service_pb2
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.domain.identifiers import hashed_id
from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.config import Config
from tests.support.server import serving
from tests.support.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.agent import Agent
    from tests.support.server import Server

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}


@dataclass
class Front:
    """An agent, the server behind it, and the keys of callers at that server."""

    agent: Agent
    server: Server
    keys: dict[str, str]

    def client(self, name: str = "", **options: Any) -> AsyncClient:
        """A client of the agent, with the key of a caller."""
        return AsyncClient(self.agent.grpc, key=self.keys.get(name), timeout=5, **options)


@pytest.fixture
async def front(tmp_path: Path, agent_binary: Path) -> AsyncIterator[Front]:
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
            agent_binary, tmp_path / "agent.log", server.grpc, "--key-file", str(tmp_path / "agent.key")
        ) as agent,
    ):
        await agent.follows()
        yield Front(agent, server, keys)


async def test_every_call_goes_through_and_validations_are_answered_from_memory(front: Front) -> None:
    async with front.client("orders") as client:
        tokens = await client.create_local_session("alice", scopes=["read"])
        before = len(front.server.calls())
        for _ in range(20):
            session = await client.validate(tokens.access_token, scopes=["read"], consistency=FROM_SERVER)
            assert isinstance(session, Session)
        assert await front.agent.hits() >= 19
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
