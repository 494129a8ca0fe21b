"""What is acknowledged is in as many replicas as are wanted, on a real primary with real replicas."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.declaration import Lane, Late
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import Rotated
from tests.support.fakes import RecordingLogger
from tests.support.proxy import Proxy, running_proxy
from tests.support.store import HOUR, ISSUER, Store, connected
from tests.support.valkeys import Valkey, running_valkeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AWAY_MS = 60_000
# What is written and releases nothing: readers of the log, and what goes on in the background.
NOT_AWAITED = {
    "pin_partitions",
    "poll",
    "note_use",
    "trim",
    "reassert",
    "claim_snapshot",
    "save_snapshot_part",
    "save_snapshot",
    "note_change",
    "add_revocation",
    "next_revocation",
    "requeue_revocation",
    "settle_revocation",
    "save_document",
    "order_keys",
    "adopt",
    "release_adoption",
    "take_rate",
    "survey",
}


class Group:
    """A primary whose one replica copies over a link that can be held; `logger` has what is said of it."""

    def __init__(self, primary: Valkey, replica: Valkey, link: Proxy, directory: Path) -> None:
        self.primary, self.replica, self.link, self.directory = primary, replica, link, directory
        self.logger = RecordingLogger()
        self._stack = AsyncExitStack()

    def store(self, *, replicas: int) -> Store:
        redis = connect(StoreAddress(self.primary.url))
        self._stack.push_async_callback(redis.aclose)
        return connected(redis, replicas=replicas, logger=self.logger)

    def store_with_lanes(self, *, partitions: int) -> Store:
        """One that has the connections of a server."""
        address = StoreAddress(self.primary.url)
        nodes = OneNode({lane: connect(address, lane=lane) for lane in Lane})
        self._stack.push_async_callback(nodes.aclose)
        redis = connect(address)
        self._stack.push_async_callback(redis.aclose)
        return connected(redis, nodes=nodes, partitions=partitions, replicas=1, logger=self.logger)

    @asynccontextmanager
    async def closed_at_end(self) -> AsyncIterator[Group]:
        async with self._stack:
            yield self


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Group]:
    directory = tmp_path_factory.mktemp("r")
    async with running_valkeys(directory, 2) as (primary, replica), running_proxy(primary.port) as link:
        await replica.copy_from(link.port)
        async with Group(primary, replica, link, directory).closed_at_end() as group:
            yield group


@pytest.fixture
async def group(running: Group) -> AsyncIterator[Group]:
    await running.primary.redis.flushall()
    yield running
    running.link.release()


def test_every_script_has_decided_whether_its_answer_waits() -> None:
    written = {script.name for script in SCRIPTS if script.late is not Late.READS}
    assert {script.name for script in SCRIPTS if script.is_durable} == written - NOT_AWAITED


async def test_what_is_acknowledged_is_in_the_replica(group: Group) -> None:
    store = group.store(replicas=1)
    token = await store.open()
    await store.end(token.session)
    assert await group.replica.redis.hget(store.key("head"), "n") == b"1"


async def test_what_no_replica_confirms_is_not_acknowledged(group: Group) -> None:
    store = group.store(replicas=1)
    ended, spent = await store.open("alice"), await store.open("bob")
    successor = await store.next(spent)
    group.link.hold()
    with pytest.raises(StoreUnavailableError):
        await store.open("carol")
    with pytest.raises(StoreUnavailableError):
        await store.rotate(successor)
    # What is repeated waits anew, though it changes nothing any more, and though over this connection nothing
    # else was written before.
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await group.store(replicas=1).end(ended.session)
        with pytest.raises(StoreUnavailableError):
            await group.store(replicas=1).end_subject("bob")
        with pytest.raises(StoreUnavailableError):
            await group.store(replicas=1).stores.cutoffs.set(
                Shared(RevocationType.TENANT, ISSUER, "acme"), cutoff_life_ms=HOUR, entry_life_ms=HOUR
            )
    assert {said["kind"] for said in group.logger.said("the store does not do as told")} == {"not replicated"}
    assert store.stores.writes.refused_for == "not replicated"
    group.link.release()
    assert (await store.end(ended.session)).count == 0


async def test_the_replay_of_a_refresh_waits_as_the_refresh_did(group: Group) -> None:
    store = group.store(replicas=1)
    token, salt = await store.open(), bytes(32)
    first = await store.rotate(token, salt=salt)
    assert isinstance(first, Rotated)
    group.link.hold()
    # Another connection has written nothing before: only what the replay itself writes can be waited for.
    with pytest.raises(StoreUnavailableError):
        await group.store(replicas=1).rotate(token, salt=salt)


async def test_who_was_not_answered_for_lack_of_a_replica_is_not_logged_out_for_asking_again(
    group: Group,
) -> None:
    """The store has carried out what nobody was told, and a replica may be away for longer than the grace."""
    store = group.store(replicas=1)
    token = await store.open()
    await store.stores.writes.probe()
    group.link.hold()
    with pytest.raises(StoreUnavailableError):
        await store.rotate(token)
    await store.age(token.session, AWAY_MS)
    seen_ms = int(await store.redis.get(store.key("seen"))) - AWAY_MS
    await store.redis.set(store.key("seen"), seen_ms)
    with pytest.raises(StoreUnavailableError):
        await store.stores.writes.probe()
    # That the primary took it is no use to anybody.
    assert int(await store.redis.get(store.key("seen"))) == seen_ms
    # Asked again while it is away, and when it is back.
    with pytest.raises(StoreUnavailableError):
        await store.rotate(token)
    group.link.release()
    await store.stores.writes.probe()
    outcome = await store.rotate(token)
    assert isinstance(outcome, Rotated)
    assert outcome.replayed
    assert outcome.pause_ms > AWAY_MS


async def test_a_store_without_replicas_is_not_waited_for(group: Group) -> None:
    store = group.store(replicas=0)
    group.link.hold()
    assert (await store.end((await store.open()).session)).count == 1


async def test_one_replica_is_not_all_of_two(group: Group) -> None:
    store = group.store(replicas=2)
    with pytest.raises(StoreUnavailableError):
        await store.open()
    accepted = ["eviction", "no_persistence"]
    (fault,) = await store.stores.durability.faults(accepted=accepted)
    assert fault.startswith("only 1 of 2 replicas are connected that must have every write: ")
    assert not await group.store(replicas=1).stores.durability.faults(accepted=accepted)


async def test_a_script_that_the_store_has_forgotten_is_sent_again_and_waited_for(group: Group) -> None:
    store = group.store(replicas=1)
    await group.primary.redis.script_flush()
    assert await store.open()


async def test_what_a_script_refuses_is_refused_before_anything_is_waited_for(group: Group) -> None:
    store = group.store(replicas=1)
    await group.primary.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailableError):
            await store.open()
    finally:
        await group.primary.redis.config_set("maxmemory", 0)
    assert "OOM" in [said["kind"] for said in group.logger.said("the store does not do as told")]


async def test_whoever_looks_whether_writes_are_kept_delays_no_reading_of_the_log(group: Group) -> None:
    """A replica that lags makes each write wait: validation lives on the log, and must not wait with it."""
    store = group.store_with_lanes(partitions=16)
    group.link.hold()
    # The last that the replica has confirmed is behind what is held.
    with pytest.raises(StoreUnavailableError):
        await store.stores.writes.probe()
    looking = asyncio.create_task(store.stores.writes.probe())
    try:
        await asyncio.sleep(0)
        pages = await asyncio.gather(*(store.log.read(partition, None) for partition in store.partitions))
        assert all(page.reached_head for page in pages)
        assert not looking.done()
    finally:
        group.link.release()
        with suppress(StoreUnavailableError):
            await looking
