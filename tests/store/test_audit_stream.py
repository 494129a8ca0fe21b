"""Events in a stream of the store: bounded, over connections of their own."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.redis_audit_stream import RedisAuditStream
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.failures import StoreUnavailableError
from tests.support.fakes import SilentLogger, SilentTelemetry
from tests.support.store import crowded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond_server.adapters.embedded.store import EmbeddedStore
    from tests.support.store import Store


@pytest.fixture
async def scripts(valkey: EmbeddedStore, store: Store) -> AsyncIterator[Scripts]:  # noqa: ARG001 - it is empty
    async with AsyncExitStack() as stack:
        address = StoreAddress(f"unix://{valkey.socket_path}")
        nodes = OneNode({lane: connect(address, lane=lane) for lane in Lane})
        stack.push_async_callback(nodes.aclose)
        yield Scripts(nodes, telemetry=SilentTelemetry(), logger=SilentLogger())


def stream_of(scripts: Scripts) -> RedisAuditStream:
    return RedisAuditStream(scripts, "audit", partitions=Partitions(1), max_entries=1000)


async def test_events_are_in_their_stream_in_their_order(scripts: Scripts, store: Store) -> None:
    stream = stream_of(scripts)
    await stream.append([json.dumps({"id": n}) for n in range(3)])
    await stream.append([json.dumps({"id": 3})])
    found = [json.loads(fields[b"event"])["id"] for _, fields in await store.redis.xrange("audit")]
    assert found == [0, 1, 2, 3]


@pytest.mark.slow
async def test_a_stream_keeps_about_so_many_events(scripts: Scripts, store: Store) -> None:
    stream = stream_of(scripts)
    for _ in range(30):
        await stream.append(["{}"] * 128)
    # The store drops whole nodes, of a hundred entries.
    assert 1000 <= await store.redis.xlen("audit") <= 1100


async def test_a_crowd_in_every_other_lane_does_not_delay_an_event(scripts: Scripts, store: Store) -> None:
    async with AsyncExitStack() as stack:
        for lane in set(Lane) - {Lane.AUDIT}:
            await stack.enter_async_context(crowded(scripts._nodes.clients[lane]))
        await stream_of(scripts).append(["{}"])
    assert await store.redis.xlen("audit") == 1


async def test_an_event_that_is_not_taken_delays_nothing_else(scripts: Scripts, store: Store) -> None:
    async with crowded(scripts._nodes.clients[Lane.AUDIT]):
        with pytest.raises(StoreUnavailableError):
            await stream_of(scripts).append(["{}"])
        assert await scripts.now_ms(0) > 0
    await store.redis.set("audit", "no stream")
    with pytest.raises(StoreUnavailableError):
        await stream_of(scripts).append(["{}"])
