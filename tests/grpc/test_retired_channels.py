"""What becomes of calls whose channel was made anew, as the files of its TLS have changed."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, Tls, UnavailableError
from sessiond.v1.session_service_pb2 import GetSessionRequest
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    """A client of somebody who takes connections, and says nothing."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(Authority().certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with AsyncClient(f"127.0.0.1:{listener.getsockname()[1]}", tls=Tls(file), timeout=60) as client:
            yield client


async def retire(client: AsyncClient) -> None:
    """Have the files changed, and noticed."""
    former = client._channels.get()
    (file,) = client._channels._files
    file.write_bytes(file.read_bytes() + b"\n")
    client._channels._steady = lambda: time.monotonic() + 3600
    assert client._channels.get() is not former
    await asyncio.sleep(0)


async def test_a_call_is_repeated_though_its_channel_was_retired_meanwhile(client: AsyncClient) -> None:
    method = client._stub.GetSession
    await retire(client)
    with pytest.raises(UnavailableError) as caught:
        await client._call(method, GetSessionRequest(), 0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_calls_over_a_retired_channel_end_with_their_client(client: AsyncClient) -> None:
    call = asyncio.ensure_future(client.get_session("sds_"))
    await asyncio.sleep(0)
    await retire(client)
    await client.close()
    await asyncio.wait([call], timeout=10)
    assert call.cancelled()
