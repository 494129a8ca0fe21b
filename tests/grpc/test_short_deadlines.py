"""Calls that have next to no time: each is done as a whole, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, RefreshRefusedError
from sessiond.v1 import session_service_pb2 as messages
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.server import ISSUER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from google.protobuf.message import Message

    from tests.support.server import Server

# One after the other, from no time to enough of it.
SECONDS = [milliseconds / 1000 for milliseconds in range(1, 41, 2)]


@pytest.fixture
async def stub(server: Server) -> AsyncIterator[SessionServiceStub]:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        await channel.channel_ready()
        yield SessionServiceStub(channel)


async def hurried(call: Callable[..., grpc.aio.UnaryUnaryCall], request: Message, seconds: float) -> None:
    """Make a call that has so much time; what comes of it, its caller may not learn."""
    with suppress(grpc.aio.AioRpcError):
        await call(request, timeout=seconds)


async def test_a_hurried_refresh_is_answered_again(stub: SessionServiceStub, client: AsyncClient) -> None:
    token = (await client.create_local_session("alice")).refresh_token
    for seconds in SECONDS:
        await hurried(stub.RefreshSession, messages.RefreshSessionRequest(refresh_token=token), seconds)
        first, second = await client.refresh(token), await client.refresh(token)
        assert first.refresh_token == second.refresh_token
        token = first.refresh_token


async def test_a_hurried_login_opens_one_session_or_none(
    stub: SessionServiceStub, client: AsyncClient
) -> None:
    for number, seconds in enumerate(SECONDS):
        login = messages.LocalLogin(subject=f"hurried-{number}")
        await hurried(stub.CreateSession, messages.CreateSessionRequest(local_login=login), seconds)
        assert len([one async for one in client.list_sessions(ISSUER, login.subject)]) in {0, 1}


async def test_a_hurried_revocation_can_be_repeated(stub: SessionServiceStub, client: AsyncClient) -> None:
    for seconds in SECONDS:
        token = (await client.create_local_session("alice")).refresh_token
        await hurried(stub.RevokeSession, messages.RevokeSessionRequest(refresh_token=token), seconds)
        await client.revoke_refresh_token(token)
        with pytest.raises(RefreshRefusedError, match="SESSION_REVOKED"):
            await client.refresh(token)
