"""One real server for each worker, and channels to it; an agent stands in front where that is asked for."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import AsyncClient, Client
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from tests.grpc.through_agent import ALWAYS, OPTION, through_agent
from tests.support.either_client import EitherClient
from tests.support.front import agent_in_front, with_key
from tests.support.open_server import open_server
from tests.support.server import Server, in_front, running
from tests.support.signing import Signer
from tests.support.watch_server import scripted_sessiond

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.support.watch_server import ScriptedSessiond


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.name in ALWAYS and not metafunc.config.getoption(OPTION):
        metafunc.parametrize("is_direct", [True, False], ids=["", "agent"], indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption(OPTION):
        through_agent(config, items)


@pytest.fixture(scope="session", autouse=True)
def in_front_of_every_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of those that tests start by themselves, too."""
    if request.config.getoption(OPTION):
        with in_front(agent_in_front(request.getfixturevalue("agent_binary"))):
            yield
    else:
        yield


@pytest.fixture(scope="session")
def is_direct(request: pytest.FixtureRequest) -> bool:
    """Whether nothing stands in front of the server."""
    return getattr(request, "param", not request.config.getoption(OPTION))


@pytest.fixture(scope="session")
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, *, is_direct: bool
) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("s")
    async with AsyncExitStack() as stack:
        if is_direct:
            yield await stack.enter_async_context(running(directory / "d", directory / "log"))
        else:
            with in_front(agent_in_front(request.getfixturevalue("agent_binary"), "--reflection")):
                server = await stack.enter_async_context(open_server(directory))
            yield server


@pytest.fixture(scope="session")
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    """It keeps nothing: it is the server that is asked."""
    async with AsyncClient(server.grpc, key=server.key, timeout=5, cache=None) as client:
        yield client


@pytest.fixture(scope="session")
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    interceptors = [with_key(server.key)] if server.key else []
    async with grpc.aio.insecure_channel(server.grpc, interceptors=interceptors) as channel:
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
