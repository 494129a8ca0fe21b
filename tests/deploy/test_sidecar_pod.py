"""The pod of a backend with the agent, rehearsed by processes of several users on a volume of its kind.

What the chart gives the kubelet to do, such as the order of start and stop, is done here in its place.
"""

from __future__ import annotations

import os
import signal
import stat
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sessiond import AsyncClient
from tests.support import go_programs
from tests.support.pod import AGENT, GROUP, Pod, missing, pod, status
from tests.support.server import Server, running
from tests.support.valkeys import HOST, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

CLIENT = Path("clients/go")
# Its last words before it ends: whatever it was doing still needs a verdict.
UNTIL_TERMINATED = 'trap \'"$0" -addr "unix:$1"; exit $?\' TERM; echo ready; while :; do sleep 0.1; done'


@pytest.fixture
def volume() -> Iterator[Pod]:
    with pod() as made:
        yield made


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backend that asks about one token, and says whose it is."""
    directory = go_programs.shared_directory(tmp_path_factory)
    return go_programs.build(directory, "validate", "./examples/validate", module=CLIENT)


async def token_of(server: Server) -> str:
    async with AsyncClient(server.grpc) as client:
        return (await client.create_local_session("alice")).access_token


async def ended(process: Process) -> tuple[int | None, str]:
    stdout, stderr = await process.communicate()
    return process.returncode, (stdout + stderr).decode()


async def ask(volume: Pod, backend: Path, token: str, *, group: bool = True) -> tuple[int | None, str]:
    """What becomes of a backend in the pod that asks once, on the mounted path."""
    mounted = volume.mounted / "private" / "agent.sock"
    command = (str(volume.program(backend)), "-addr", f"unix:{mounted}")
    return await ended(await volume.container(*command, group=group, environment={"ACCESS_TOKEN": token}))


async def test_who_is_in_the_group_enters_the_socket_and_nobody_else(
    volume: Pod, tmp_path: Path, agent_binary: Path, backend: Path
) -> None:
    http = f"{HOST}:{free_port()}"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log"))
        arguments = ("--servers", server.grpc, "--http", http)
        await stack.enter_async_context(volume.agent(agent_binary, tmp_path / "agent.log", *arguments))
        await eventually(lambda: is_ready(http), timeout=20)
        # Made by the agent, and the group's by the bit of the volume.
        for path, mode in ((volume.socket.parent, 0o2750), (volume.socket, 0o660)):
            found = path.stat()
            assert (found.st_uid, found.st_gid) == (AGENT, GROUP)
            assert stat.S_IMODE(found.st_mode) == mode
        token = await token_of(server)
        assert await ask(volume, backend, token) == (0, "accepted: alice\n")
        code, said = await ask(volume, backend, token, group=False)
        assert code == 1
        assert "accepted" not in said
        # The application can put nothing in the socket's place.
        code, said = await ended(await volume.container("touch", str(volume.mounted / "x")))
        assert code != 0
        assert "Read-only file system" in said


async def test_the_application_starts_once_a_server_is_there(
    volume: Pod, tmp_path: Path, agent_binary: Path, backend: Path
) -> None:
    http, address = f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"
    async with AsyncExitStack() as stack:
        arguments = ("--servers", address, "--http", http)
        agent = await stack.enter_async_context(
            volume.agent(agent_binary, tmp_path / "agent.log", *arguments)
        )
        await eventually(lambda: is_alive(http), timeout=20)
        # The startup probe holds the application back; the liveness probe leaves the agent alone.
        assert await status(http, "/readyz") == 503
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log", listen=address))
        await eventually(lambda: is_ready(http), timeout=30)
        assert agent.returncode is None
        assert await ask(volume, backend, await token_of(server)) == (0, "accepted: alice\n")


async def test_an_application_that_ends_is_answered_until_then_and_the_agent_ends_after_it(
    volume: Pod, tmp_path: Path, agent_binary: Path, backend: Path
) -> None:
    http = f"{HOST}:{free_port()}"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log"))
        arguments = ("--servers", server.grpc, "--http", http)
        agent = await stack.enter_async_context(
            volume.agent(agent_binary, tmp_path / "agent.log", *arguments)
        )
        await eventually(lambda: is_ready(http), timeout=20)
        program, mounted = volume.program(backend), volume.mounted / "private" / "agent.sock"
        application = await volume.container(
            *("sh", "-c", UNTIL_TERMINATED, str(program), str(mounted)),
            environment={"ACCESS_TOKEN": await token_of(server)},
        )
        assert application.stdout is not None
        assert await application.stdout.readline() == b"ready\n"
        application.send_signal(signal.SIGTERM)
        assert await ended(application) == (0, "accepted: alice\n")
        agent.send_signal(signal.SIGTERM)
        assert await agent.wait() == 0


async def test_an_agent_that_was_killed_comes_back_on_the_same_socket(
    volume: Pod, tmp_path: Path, agent_binary: Path, backend: Path
) -> None:
    http = f"{HOST}:{free_port()}"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path / "d", tmp_path / "log"))
        arguments = ("--servers", server.grpc, "--http", http)
        async with volume.agent(agent_binary, tmp_path / "agent.log", *arguments) as first:
            await eventually(lambda: is_ready(http), timeout=20)
            os.kill(first.pid, signal.SIGKILL)
            await first.wait()
        await stack.enter_async_context(volume.agent(agent_binary, tmp_path / "agent.log", *arguments))
        await eventually(lambda: is_ready(http), timeout=20)
        assert await ask(volume, backend, await token_of(server)) == (0, "accepted: alice\n")


async def is_ready(http: str) -> bool:
    return await status(http, "/readyz") == 200


async def is_alive(http: str) -> bool:
    return await status(http, "/healthz") == 200
