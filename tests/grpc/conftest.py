"""One real server for each worker, and channels to it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import AsyncClient, Client
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.support.either_client import EitherClient
from tests.support.server import Server, running
from tests.support.signing import Signer
from tests.support.watch_server import scripted_sessiond

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.watch_server import ScriptedSessiond


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("s")
    async with running(directory / "d", directory / "log") as server:
        yield server


@pytest.fixture(scope="session")
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    """It keeps nothing: it is the server that is asked."""
    async with AsyncClient(server.grpc, timeout=5, cache=None) as client:
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


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedSessiond]:
    async with scripted_sessiond() as scripted:
        yield scripted


@pytest.fixture(params=[AsyncClient, Client])
async def connect(
    request: pytest.FixtureRequest, scripted: ScriptedSessiond
) -> AsyncIterator[Callable[..., EitherClient]]:
    """Either client of the scripted server."""
    async with AsyncExitStack() as stack:

        def connect(**options: Any) -> EitherClient:
            client = EitherClient(request.param(scripted.target, **{"timeout": 10, **options}))
            stack.push_async_callback(client.shut)
            return client

        yield connect
