"""`/readyz` and the health service say the same, whatever becomes of the server."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond_server.cli.health import SERVING
from tests.support.config import Config
from tests.support.server import Server, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}
ROUNDS = 20


class Witness:
    """Asks both, again and again: the port of HTTP before and after the health service."""

    def __init__(self, web: aiohttp.ClientSession, channel: grpc.aio.Channel, http: str) -> None:
        self.web = web
        self.health = health_pb2_grpc.HealthStub(channel)
        self.http = http
        self.contradictions: list[tuple[bool, bool]] = []

    async def is_ready(self) -> bool:
        async with self.web.get(f"http://{self.http}/readyz") as answer:
            return answer.status == 200

    async def look(self) -> bool:
        """What both say; where readiness changed meanwhile they may differ."""
        before = await self.is_ready()
        answer = await self.health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        serves = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == SERVING
        if before is not serves and await self.is_ready() is before:
            self.contradictions.append((before, serves))
        return before

    async def until(self, *, ready: bool) -> None:
        async def is_so() -> bool:
            return await self.look() is ready

        await eventually(is_so)
        for _ in range(ROUNDS):
            await self.look()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    config = Config(tmp_path, tables={"server": {"drain_delay": "30s"}}, issuers=[LOCAL])
    async with serving(config.write(), config.data, tmp_path / "log") as running:
        yield running


async def test_they_agree_while_the_store_goes_and_comes_and_while_the_server_drains(server: Server) -> None:
    async with (
        aiohttp.ClientSession() as web,
        grpc.aio.insecure_channel(server.grpc) as channel,
    ):
        witness = Witness(web, channel, server.http)
        await witness.until(ready=True)
        store = server.store_pid
        assert store
        os.kill(store, signal.SIGSTOP)
        await witness.until(ready=False)
        os.kill(store, signal.SIGCONT)
        await witness.until(ready=True)
        server.process.send_signal(signal.SIGTERM)
        await witness.until(ready=False)
        assert witness.contradictions == []
        server.process.send_signal(signal.SIGTERM)
    assert await server.process.wait() == 0


async def test_a_watcher_of_health_is_told_when_the_server_begins_to_drain(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        told = await asyncio.wait_for(watch.read(), 10)
        assert told.status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        server.process.send_signal(signal.SIGTERM)
    assert await server.process.wait() == 0
