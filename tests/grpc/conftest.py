"""One real server for each worker, and channels to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import AsyncClient
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.server import Server, running
from tests.support.signing import Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("s")
    async with running(directory / "d", directory / "log") as server:
        yield server


@pytest.fixture(scope="session")
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.grpc, timeout=5) as client:
        yield client


@pytest.fixture(scope="session")
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture(scope="session")
def stub(channel: grpc.aio.Channel) -> Any:
    return SessionServiceStub(channel)


@pytest.fixture(scope="session")
async def web(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://{server.http}") as session:
        yield session


@pytest.fixture(scope="session")
async def signer(server: Server, web: aiohttp.ClientSession) -> Signer:
    async with web.get("/.well-known/jwks.json") as answer:
        (key,) = (await answer.json())["keys"]
    return Signer.of(server.data, key["kid"])
