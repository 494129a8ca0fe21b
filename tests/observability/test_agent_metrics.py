"""What a real agent shows of itself, before anything happens and after."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import AsyncClient
from tests.observability import promtool
from tests.observability.everything import TELLING, hostile_tokens
from tests.support.agent import Agent, running_agent
from tests.support.open_server import open_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHECK = "/envoy.service.auth.v3.Authorization/Check"


@pytest.fixture(scope="module")
async def agent(agent_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agent]:
    directory = tmp_path_factory.mktemp("a")
    async with (
        open_server(directory) as server,
        running_agent(
            agent_binary, directory / "agent.log", server.grpc, "--insecure", "--ext-authz"
        ) as agent,
    ):
        await agent.follows()
        yield agent


async def page(agent: Agent) -> list[str]:
    """The lines of its /metrics, without the headers before them."""
    lines = await agent.metrics()
    return lines[lines.index("") + 1 :]


async def series(agent: Agent) -> dict[str, float]:
    lines = [line for line in await page(agent) if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.fixture(scope="module")
async def born(agent: Agent) -> dict[str, float]:
    """The series of an agent that only follows its server."""
    return await series(agent)


@pytest.fixture(scope="module")
async def lived(agent: Agent, born: dict[str, float]) -> dict[str, float]:  # noqa: ARG001 - comes before
    """Those of one that was called, well and badly."""
    async with AsyncClient(agent.grpc, timeout=5, cache=None) as client:
        for token in hostile_tokens():
            await client.validate(token)
    async with grpc.aio.insecure_channel(agent.grpc) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        await health.Check(health_pb2.HealthCheckRequest())
        for method in (CHECK, f"/sessiond.v1.SessionService/{TELLING}"):
            with suppress(grpc.aio.AioRpcError):
                await channel.unary_unary(method)(b"", metadata=[("x-request-id", TELLING)], timeout=5)
    return await series(agent)


def handled(method: str, code: str, *, service: str) -> str:
    labels = f'grpc_type="unary",grpc_service="{service}",grpc_method="{method}",grpc_code="{code}"'
    return f"grpc_server_handled_total{{{labels}}}"


@pytest.mark.parametrize(
    "counted",
    [
        handled("ValidateToken", "OK", service="sessiond.v1.SessionService"),
        handled("Check", "OK", service="grpc.health.v1.Health"),
        handled("Check", "OK", service="envoy.service.auth.v3.Authorization"),
        'sessiond_agent_validations_total{outcome="miss"}',
        'sessiond_verdicts_total{method="Check",verdict="NO_CREDENTIAL"}',
    ],
)
def test_it_counts(born: dict[str, float], lived: dict[str, float], counted: str) -> None:
    assert born[counted] == 0
    assert lived[counted] > 0


def test_no_series_is_born_by_what_happens(born: dict[str, float], lived: dict[str, float]) -> None:
    assert lived.keys() == born.keys()
    assert len(lived) < 1000


@pytest.mark.parametrize(
    "shown",
    ["sessiond_ready", "process_resident_memory_bytes", "process_open_fds", "sessiond_agent_watch_fresh"],
)
def test_it_shows(lived: dict[str, float], shown: str) -> None:
    assert lived[shown] > 0


async def test_no_word_of_a_stranger_is_a_label(agent: Agent, lived: dict[str, float]) -> None:
    assert lived
    assert TELLING not in "\n".join(await agent.metrics())


@promtool.needed
async def test_promtool_finds_nothing_wrong(agent: Agent) -> None:
    text = "\n".join(await page(agent)) + "\n"
    assert await asyncio.to_thread(promtool.run, "check", "metrics", given=text) == (0, "")
