"""Whoever can reach the HTTP port opens as many connections as they like, and calls still get through."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Rejection
from sessiond_server.app.descriptors import needed, raise_descriptor_limit
from sessiond_server.transport.http.connections import MAX_CONNECTIONS
from tests.support.fakes import SilentLogger
from tests.support.server import running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

FLOOD = 1100


async def has_ended(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        return not await reader.read()
    return True


@pytest.mark.slow
async def test_idle_connections_to_the_http_port_do_not_shut_calls_out(tmp_path: Path) -> None:
    # The flood comes from this process.
    raise_descriptor_limit(store_nodes=1, logger=SilentLogger())
    async with running(tmp_path / "d", tmp_path / "log", descriptors=(256, 4096)) as server:
        host, port = server.http.split(":")
        flood = []
        for _ in range(FLOOD):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /healthz HT")
            flood.append((asyncio.create_task(has_ended(reader)), writer))
        await eventually(lambda: sum(end.done() for end, _ in flood) >= FLOOD - MAX_CONNECTIONS)
        async with AsyncClient(server.grpc, timeout=5) as client:
            assert isinstance(await client.validate("garbage"), Rejection)
        for end, writer in flood:
            writer.close()
            await end


@pytest.mark.slow
async def test_descriptors_are_raised_and_told(tmp_path: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "log", descriptors=(256, 4096)) as server:
        (told,) = [line for line in server.lines() if "descriptors" in line]
    assert (told["level"], told["descriptors"], told["needed"]) == ("info", 4096, needed(store_nodes=1))


@pytest.mark.slow
async def test_too_few_descriptors_are_a_warning(tmp_path: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "log", descriptors=(256, 512)) as server:
        (told,) = [line for line in server.lines() if "descriptors" in line]
    assert (told["level"], told["descriptors"], told["needed"]) == ("warning", 512, needed(store_nodes=1))
