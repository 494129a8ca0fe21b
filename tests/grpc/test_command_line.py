"""Health, reflection and the command line, as an operator meets them."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sessiond_server import __version__

if TYPE_CHECKING:
    from tests.support.server import Server


async def sessiond(*arguments: str) -> tuple[int | None, str]:
    """Exit status, and what was printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sessiond_server",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("service", ["", "sessiond.v1.SessionService"])
async def test_a_server_that_is_ready_says_so(channel: grpc.aio.Channel, service: str) -> None:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_health_of_an_unknown_service(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="other"))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_service(channel: grpc.aio.Channel) -> None:
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    await call.done_writing()
    listed = {service.name for service in answer.list_services_response.service}
    assert {"sessiond.v1.SessionService", "grpc.health.v1.Health"} <= listed


async def test_healthcheck_of_a_server_that_serves(server: Server) -> None:
    assert await sessiond("healthcheck", "--addr", server.grpc) == (0, f"{server.grpc}: SERVING\n")


async def test_healthcheck_of_nothing() -> None:
    assert await sessiond("healthcheck", "--addr", "127.0.0.1:9") == (
        1,
        "127.0.0.1:9: no answer (UNAVAILABLE)\n",
    )


async def test_version() -> None:
    assert await sessiond("--version") == (0, f"sessiond, version {__version__}\n")


@pytest.mark.parametrize("command", ["dev", "healthcheck"])
async def test_help_shows_examples(command: str) -> None:
    status, said = await sessiond(command, "--help")
    assert status == 0
    assert f"sessiond {command}" in said
    assert "Example" in said


@pytest.mark.parametrize("arguments", [("serv",), ("dev", "--prot"), ("dev", "--data", "a", "--join", "b")])
async def test_a_wrong_command_line_is_status_2(arguments: tuple[str, ...]) -> None:
    status, said = await sessiond(*arguments)
    assert status == 2
    assert "Error: " in said
