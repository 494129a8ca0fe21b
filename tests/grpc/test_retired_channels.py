"""What becomes of calls whose channel was made anew, as the files of its TLS have changed."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond import AsyncClient, Client, Tls, UnavailableError
from sessiond.v1.session_service_pb2 import GetSessionRequest
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Has the authorities that a client trusts."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(Authority().certificate)
    return file


@pytest.fixture
async def client(file: Path) -> AsyncIterator[AsyncClient]:
    """A client of somebody who takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with AsyncClient(f"127.0.0.1:{listener.getsockname()[1]}", tls=Tls(file), timeout=60) as client:
            yield client


async def retire(client: AsyncClient, file: Path) -> None:
    """Have the files changed, and noticed."""
    former = client._channels.get()
    change(file, client._channels)
    assert client._channels.get() is not former
    await asyncio.sleep(0)


def change(file: Path, channels: Any) -> None:
    """Have the file changed, and the next call look at it."""
    file.write_bytes(file.read_bytes() + b"\n")
    channels._steady = lambda: time.monotonic() + 3600


async def test_a_call_is_repeated_though_its_channel_was_retired_meanwhile(
    client: AsyncClient, file: Path
) -> None:
    method = client._stub.GetSession
    await retire(client, file)
    with pytest.raises(UnavailableError) as caught:
        await client._call(method, GetSessionRequest(), 0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_calls_over_a_retired_channel_end_with_their_client(client: AsyncClient, file: Path) -> None:
    call = asyncio.ensure_future(client.get_session("sds_"))
    await asyncio.sleep(0)
    await retire(client, file)
    await client.close()
    await asyncio.wait([call], timeout=10)
    assert call.cancelled()


async def test_a_closed_client_opens_no_further_channel(client: AsyncClient, file: Path) -> None:
    former = client._channels.get()
    await client.close()
    change(file, client._channels)
    assert client._channels.get() is former
    blocking = Client("127.0.0.1:1", tls=Tls(file))
    channels = blocking._connection.get().channels
    former = channels.get()
    blocking.close()
    change(file, channels)
    assert channels.get() is former
