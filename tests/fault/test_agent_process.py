"""`sessiond-agent` as a process: how it starts, where it listens, and how it stops."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import agent as agents
from tests.support.agent import running_agent
from tests.support.server import running
from tests.support.watching import watching

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)


@pytest.mark.slow
async def test_an_agent_that_stops_says_so_first_and_sends_its_watchers_elsewhere(
    tmp_path: Path, agent_binary: Path
) -> None:
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(agent_binary, tmp_path / "agent.log", server.grpc, "--drain-delay", "300ms") as agent,
        grpc.aio.insecure_channel(agent.grpc) as channel,
        AsyncExitStack() as stack,
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        await agent.follows()
        watcher = await stack.enter_async_context(watching(channel))
        while (await watch.read()).status != health_pb2.HealthCheckResponse.SERVING:
            pass
        await watcher.next("freshness")
        agent.process.terminate()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        # Who is told that goes elsewhere; whoever stays is waited for.
        watch.cancel()
        await watcher.next("freshness")
        code, details = await watcher.ended()
        assert (code, details.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        assert details.retry_after is not None
        assert details.retry_after.total_seconds() == 0
        assert await agent.process.wait() == 0


async def test_on_a_unix_socket_only_one_agent_listens(tmp_path: Path, agent_binary: Path) -> None:
    path = tmp_path / "private" / "agent.sock"
    async with (
        running(tmp_path / "d", tmp_path / "log") as server,
        running_agent(agent_binary, tmp_path / "1.log", server.grpc, listen=f"unix:{path}") as agent,
    ):
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o660, 0o750)
        check = await asyncio.create_subprocess_exec(agent_binary, "healthcheck", agent.grpc)
        await agent.follows()
        assert await check.wait() == 0
        refused = [
            (f"unix:{path}", b"in use by another sessiond"),
            (f"unix:{path}x", b"can be written by anyone"),
        ]
        for listen, expected in refused:
            status, said = await started(agent_binary, "--servers", server.grpc, "--listen", listen)
            assert (status, expected in said) == (1, True)
            path.parent.chmod(0o777)


async def test_in_clear_and_for_strangers_it_does_not_start(agent_binary: Path) -> None:
    for arguments, expected in (
        ((), b"--servers is missing"),
        (("--servers", "localhost:1", "--listen", "0.0.0.0:0"), b"in clear"),
        (("--servers", "localhost:1", "--anonymous", "revoke"), b"allowed are validate, watch and none"),
    ):
        process = await asyncio.create_subprocess_exec(
            agent_binary, *arguments, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert (process.returncode, expected in said) == (2, True)


async def started(binary: Path, *arguments: str) -> tuple[int | None, bytes]:
    """How an agent that does not start ends, and what it says."""
    process = await asyncio.create_subprocess_exec(binary, *arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    return process.returncode, said
