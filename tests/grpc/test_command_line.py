"""Health, reflection and the command line, as an operator meets them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sessiond_server import __version__
from sessiond_server.cli.deferred import DeferredCommand
from sessiond_server.cli.main import main

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


async def test_healthcheck_over_http(server: Server) -> None:
    address = f"http://{server.http}"
    assert await sessiond("healthcheck", "--addr", address) == (0, f"{address}: SERVING\n")


async def test_a_proxy_is_not_asked_for_the_health_of_a_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    address = f"http://{server.http}"
    assert await sessiond("healthcheck", "--addr", address) == (0, f"{address}: SERVING\n")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://127.0.0.1:x"])
async def test_healthcheck_of_nothing_over_http(address: str) -> None:
    assert await sessiond("healthcheck", "--addr", address) == (1, f"{address}: no answer\n")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "NOT_SERVING (503)"),
        (b"no HTTP\r\n\r\n", "no answer"),
        (b"", "no answer"),
    ],
)
async def test_what_else_is_answered_over_http_is_status_1(answer: bytes, found: str) -> None:
    async def give(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(give, "127.0.0.1", 0) as listener:
        address = "http://{}:{}".format(*listener.sockets[0].getsockname())
        assert await sessiond("healthcheck", "--addr", address) == (1, f"{address}: {found}\n")


LOADED = """
import contextlib, json, os, sys
os.environ.pop("GRPC_VERBOSITY", None)
from sessiond_server.cli.main import main
with contextlib.suppress(SystemExit):
    main()
print(os.environ.get("GRPC_VERBOSITY"), json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (("--help",), {"asyncio", "grpc", "rich", "sessiond", "sessiond_server.config"}),
        (
            ("healthcheck", "--addr", "http://127.0.0.1:9"),
            {"asyncio", "grpc", "rich", "sessiond_server.app", "sessiond_server.config.settings"},
        ),
        (
            ("healthcheck", "--addr", "127.0.0.1:9"),
            {"http.client", "rich", "sessiond_server.app", "sessiond_server.config.settings"},
        ),
        (("sessions", "--help"), {"aiohttp", "redis", "sessiond_server.app", "sessiond_server.adapters"}),
        (("revocations", "--help"), {"aiohttp", "redis", "sessiond_server.app", "sessiond_server.adapters"}),
    ],
)
async def test_a_command_loads_what_it_needs(arguments: tuple[str, ...], unneeded: set[str]) -> None:
    """An orchestrator runs the health check every few seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOADED, *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    verbosity, _, modules = said.splitlines()[-1].decode().partition(" ")
    loaded = set(json.loads(modules))
    assert "click" in loaded
    assert not unneeded & loaded
    # What gRPC's core would write by itself is no line of a server's log; it looks when it is loaded.
    assert verbosity == "NONE" or arguments == ("--help",)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_what_stands_in_the_list_of_commands_is_the_first_sentence_of_its_help(name: str) -> None:
    listed = main.commands[name]
    assert isinstance(listed, DeferredCommand)
    assert listed.get_short_help_str(1000) == listed.load().get_short_help_str(1000)


async def test_version() -> None:
    assert await sessiond("--version") == (0, f"sessiond, version {__version__}\n")


@pytest.mark.parametrize("command", ["dev", "healthcheck"])
@pytest.mark.slow
async def test_help_shows_examples(command: str) -> None:
    status, said = await sessiond(command, "--help")
    assert status == 0
    assert f"sessiond {command}" in said
    assert "Example" in said


@pytest.mark.parametrize("arguments", [("serv",), ("dev", "--prot"), ("dev", "--data", "a", "--join", "b")])
@pytest.mark.slow
async def test_a_wrong_command_line_is_status_2(arguments: tuple[str, ...]) -> None:
    status, said = await sessiond(*arguments)
    assert status == 2
    assert "Error: " in said
