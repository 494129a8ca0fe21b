"""A store that takes no writes is named, once; and what needs no write goes on without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.limits import OUTAGES_KEPT_MS
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.durability import PartitionsError
from tests.support.revocations import viewed
from tests.support.waiting import eventually
from tests.support.watched import BEGUN, OVER, Watched

if TYPE_CHECKING:
    from redis.asyncio import Redis

QUIET_SECONDS = 5.0


# Each way to a store that takes no writes, and the way back.


async def fill_up(redis: Redis) -> None:
    await redis.config_set("maxmemory", 1)


async def empty(redis: Redis) -> None:
    await redis.config_set("maxmemory", 0)


async def demote(redis: Redis) -> None:
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")


async def promote(redis: Redis) -> None:
    await redis.execute_command("REPLICAOF", "NO", "ONE")


async def demand_replicas(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 1)


async def demand_none(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 0)


async def fail_to_save(redis: Redis) -> None:
    # A file cannot take the place of a directory.
    (await where_it_saves(redis)).mkdir()
    await redis.config_set("save", "3600 1")
    await redis.bgsave()

    async def has_failed() -> bool:
        return (await redis.info("persistence"))["rdb_last_bgsave_status"] == "err"

    await eventually(has_failed)


async def save_again(redis: Redis) -> None:
    (await where_it_saves(redis)).rmdir()
    await redis.config_set("save", "")


async def where_it_saves(redis: Redis) -> Path:
    return Path((await redis.config_get("dir"))["dir"]) / "dump.rdb"


REFUSALS = [
    pytest.param("OOM", fill_up, empty, id="OOM"),
    pytest.param("READONLY", demote, promote, id="READONLY"),
    pytest.param("NOREPLICAS", demand_replicas, demand_none, id="NOREPLICAS"),
    pytest.param("MISCONF", fail_to_save, save_again, id="MISCONF"),
]


@pytest.mark.parametrize(("kind", "begin", "end"), REFUSALS)
async def test_a_store_that_takes_no_writes_is_named_once_and_once_when_it_is_good_again(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    store = own.connect()
    token, writes = await store.open(), store.stores.writes
    await begin(admin)
    try:
        for _ in range(3):
            for refused in (store.open(), store.end(token.session), store.rotate(token), writes.probe()):
                with pytest.raises(StoreUnavailableError):
                    await refused
        assert own.logger.lines == [("error", BEGUN, {"kind": kind})]
        assert writes.refused_for == kind
        # What is only read is read all the same.
        assert await store.sessions.get(token.session) is not None
        page = await store.log.read(store.partition(), None)
        assert page.reached_head
        assert page.is_primary is (kind != "READONLY")
    finally:
        await end(admin)
    await writes.probe()
    assert writes.refused_for == kind
    own.clock.at += QUIET_SECONDS
    await writes.probe()
    assert writes.refused_for is None
    assert own.logger.lines[1:] == [("info", OVER, {"kind": kind})]


async def test_a_write_in_every_partition_shows_what_nobody_else_tried(own: Watched, admin: Redis) -> None:
    store = own.connect(partitions=3)
    await store.stores.writes.probe()
    written = {key_in(partition, key) for partition in range(3) for key in ("probed", "seen")}
    assert {key.decode() for key in await admin.keys()} == written
    assert all([0 < await admin.pttl(key) <= OUTAGES_KEPT_MS for key in written])
    await fill_up(admin)
    try:
        with pytest.raises(StoreUnavailableError):
            await store.stores.writes.probe()
    finally:
        await empty(admin)
    assert store.stores.writes.refused_for == "OOM"


async def test_where_one_partition_is_away_the_others_are_written_to(own: Watched, admin: Redis) -> None:
    store = own.connect(partitions=3)
    await admin.hset(key_in(0, "seen"), "of another", "type")
    with pytest.raises(StoreUnavailableError):
        await store.stores.writes.probe()
    assert [await admin.exists(key_in(partition, "seen")) for partition in range(3)] == [1, 1, 1]


async def test_an_error_is_over_when_nobody_has_met_it_for_a_while(own: Watched, admin: Redis) -> None:
    """A store at the edge of its memory refuses one write and takes the next."""
    store = own.connect()
    for _ in range(3):
        await fill_up(admin)
        with pytest.raises(StoreUnavailableError):
            await store.open()
        await empty(admin)
        own.clock.at += QUIET_SECONDS - 0.1
        await store.stores.writes.probe()
    assert own.said(BEGUN) == ["OOM"]
    assert own.said(OVER) == []


OF_A_PRIMARY = [one for one in REFUSALS if one.id != "READONLY"]


@pytest.mark.parametrize(("kind", "begin", "end"), OF_A_PRIMARY)
async def test_a_store_that_was_begun_is_opened_and_read_while_it_takes_no_writes(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    first = own.connect()
    await first.stores.durability.pin_partitions()
    await viewed(first, own.clock).catch_up(0)
    await begin(admin)
    try:
        await own.connect().stores.durability.pin_partitions()
        with pytest.raises(PartitionsError):
            await own.connect(partitions=2).stores.durability.pin_partitions()
        revocations = viewed(own.connect(), own.clock)
        await revocations.catch_up(0)
        assert revocations.is_synced
        assert own.logger.lines == []
        with pytest.raises(StoreUnavailableError):
            await first.stores.writes.probe()
        assert own.said(BEGUN) == [kind]
    finally:
        await end(admin)


@pytest.mark.parametrize(("kind", "begin", "end"), REFUSALS)
async def test_a_store_that_was_never_begun_is_waited_for_while_it_takes_no_writes(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    await begin(admin)
    try:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await own.connect().stores.durability.pin_partitions()
    finally:
        await end(admin)
    assert own.said(BEGUN)[0] == kind
    await own.connect().stores.durability.pin_partitions()


async def test_a_log_that_was_replaced_is_read_though_that_cannot_be_noted(
    own: Watched, admin: Redis
) -> None:
    store = own.connect()
    known = viewed(store, own.clock)
    await known.catch_up(0)
    await admin.flushall()
    token = await store.open()
    ended = await store.end(token.session)
    await fill_up(admin)
    try:
        own.clock.at += 10
        await known.catch_up(0)
        assert known.is_fresh
        assert len(known) == len(ended.logged.revocations)
        assert not await admin.exists(store.key("changed"))
    finally:
        await empty(admin)
    await known.catch_up(0)
    assert await admin.exists(store.key("changed"))
    noted = await admin.get(store.key("changed"))
    await known.catch_up(0)
    assert await admin.get(store.key("changed")) == noted
