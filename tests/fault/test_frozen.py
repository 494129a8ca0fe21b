"""A server that is frozen while a refresh lies in its socket: when it wakes, no session is lost."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, UnavailableError
from sessiond.errors import to_error
from sessiond.v1.session_service_pb2 import RefreshSessionRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.identifiers import SessionId
from tests.support.server import Server, running
from tests.support.store import connected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Longer than the grace of every session here.
LATER_MS = 60_000


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
async def test_what_lay_in_the_socket_of_a_frozen_server_ends_no_session(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "1.log") as first,
        running(tmp_path / "d", tmp_path / "2.log", join=True) as second,
        AsyncClient(first.grpc) as client,
        AsyncClient(second.grpc, timeout=1.5) as impatient,
        grpc.aio.insecure_channel(second.grpc) as channel,
    ):
        tokens = await client.create_local_session("alice")
        await impatient.validate(tokens.access_token)
        await channel.channel_ready()
        with frozen(second):
            request = RefreshSessionRequest(refresh_token=tokens.refresh_token)
            waiting = asyncio.ensure_future(SessionServiceStub(channel).RefreshSession(request, timeout=30))
            # Whoever waits for as long as this gives it up and goes to the other server.
            with pytest.raises(UnavailableError):
                await impatient.refresh(tokens.refresh_token, timeout=1.5)
            successor = await client.refresh(tokens.refresh_token)
            session = SessionId.find(tokens.session.session_id)
            assert session is not None
            store = connected(connect(StoreAddress(f"unix://{first.data}/valkey.sock")))
            await store.age(session, LATER_MS)
            await store.redis.aclose()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await waiting
        error = to_error(refused.value)
        assert isinstance(error, UnavailableError)
        assert error.reason == "OVERLOADED"
        assert error.retry_after > timedelta(0)
        # Reading goes on at once.
        await impatient.validate(tokens.access_token)
        assert (await client.refresh(successor.refresh_token)).session.subject == "alice"
        (told,) = await second.said(event="this process stood still")
        assert told["level"] == "warning"
        assert told["seconds"] > 1
