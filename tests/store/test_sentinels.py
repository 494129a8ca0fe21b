"""A primary with two replicas that three real sentinels watch (fault rows 5, 6, 25 and 26)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.connection import StoreAddress
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.sentinel_nodes import SentinelNodes
from sessiond_server.adapters.store.store_errors import NoPrimaryError
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.sessions import Rotated
from tests.support.chains import Chain
from tests.support.fakes import RecordingLogger
from tests.support.redis_clusters import Watchers, running_watchers
from tests.support.store import Store, connected
from tests.support.valkeys import HOST, PRIMARY_NAME, Sentinel, Valkey, free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond_server.domain.address import Address

FAILOVER_SECONDS = 30
CHAINS = 32
NAMED = "sentinels name the primary"
LEAST = ("CONFIG SET", "min-replicas-to-write")
BEGUN = "the store does not do as told"
pytestmark = pytest.mark.xdist_group("sentinels")


@dataclass
class Over:
    """What a server has of the primary: a store over it, and what was said of it."""

    watchers: Watchers
    nodes: SentinelNodes
    store: Store
    logger: RecordingLogger

    @property
    def primary(self) -> Valkey:
        """Where this server goes."""
        assert self.nodes._primary
        return next(one for one in self.watchers.stores if one.port == self.nodes._primary.at.port)


@pytest.fixture
async def watchers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watchers]:
    async with running_watchers(tmp_path_factory.mktemp("s")) as found:
        yield found


@asynccontextmanager
async def served_by(watchers: Watchers, *, url: str | None = None, replicas: int = 1) -> AsyncIterator[Over]:
    logger = RecordingLogger()
    # So that sentinels are asked whenever a call is in doubt, however soon after the last time.
    nodes = SentinelNodes(StoreAddress(url or watchers.url), logger=logger, steady=count().__next__)
    primary = await watchers.primary()
    store = connected(primary.redis, nodes=nodes, replicas=replicas, logger=logger)
    try:
        yield Over(watchers, nodes, store, logger)
    finally:
        await nodes.aclose()


@pytest.mark.slow
async def test_rotations_go_on_behind_the_death_of_the_primary(watchers: Watchers) -> None:
    async with served_by(watchers) as over, rotating(over) as chains:
        killed, clients = over.primary, over.nodes._primary
        await killed.kill()
        await go_on(chains)
        assert over.primary is not killed
        assert [said["primary"].rpartition(":")[2] for said in over.logger.said(NAMED)] == [
            str(killed.port),
            str(over.primary.port),
        ]
        assert over.nodes._primary is not clients
        # Each kind of error that was met is told once, however many calls met it.
        kinds = [said["kind"] for said in over.logger.said(BEGUN)]
        assert len(kinds) == len(set(kinds))


@pytest.mark.slow
async def test_rotations_go_on_behind_the_freezing_of_the_primary(watchers: Watchers) -> None:
    """It wakes when another has taken its place, and is not asked any more."""
    async with served_by(watchers) as over, rotating(over) as chains:
        frozen = over.primary
        frozen.freeze()
        try:
            await go_on(chains)
        finally:
            frozen.thaw()
        assert over.primary is not frozen
        await go_on(chains)


@pytest.mark.long
async def test_a_primary_that_is_demoted_without_dying_is_left(watchers: Watchers) -> None:
    """It refuses writes then, or its connections end; whoever goes on asking it would be refused for ever.

    Until it is told, the other replica goes on confirming what is lost then: only `all` excludes that.
    """
    async with served_by(watchers, replicas=2) as over, rotating(over) as chains:
        demoted = over.primary
        await watchers.sentinels[0].redis.execute_command("SENTINEL FAILOVER", PRIMARY_NAME)
        await eventually(lambda: is_replica(demoted), timeout=FAILOVER_SECONDS)
        await go_on(chains)
        assert over.primary is not demoted


async def test_a_node_that_refuses_writes_is_asked_about_at_once(watchers: Watchers) -> None:
    async with served_by(watchers) as over:
        token = await over.store.open()
        refusals = {
            "NOREPLICAS": [(*LEAST, 3), (*LEAST, 0)],
            "READONLY": [("REPLICAOF", HOST, watchers.stores[1].port), ("REPLICAOF", "NO", "ONE")],
        }
        for begin, end in refusals.values():
            assert not over.nodes._is_in_doubt
            await over.primary.redis.execute_command(*begin)
            try:
                with pytest.raises(StoreUnavailableError):
                    await over.store.rotate(token)
                assert over.nodes._is_in_doubt
            finally:
                await over.primary.redis.execute_command(*end)
            # Nobody has taken its place: what is asked again are the same connections.
            assert await over.nodes.send(0, Lane.CALLS, "EXISTS", "x") == 0
            assert len(over.logger.said(NAMED)) == 1
        assert [said["kind"] for said in over.logger.said(BEGUN)] == list(refusals)


async def test_without_a_quorum_the_primary_goes_on(watchers: Watchers) -> None:
    async with served_by(watchers) as over:
        token = await over.store.open()
        assert await said_of(over) == []
        for sentinel in watchers.sentinels[:2]:
            await sentinel.kill()
        # Nobody has to fail before that is known.
        assert await said_of(over) == [
            "only 1 of 3 sentinels name the primary, and no replica can take its place"
        ]
        over.nodes._is_in_doubt = True
        token = await over.store.next(token)
        assert over.nodes.sentinels.answering == 1
        assert len(over.logger.said("a sentinel does not name the primary")) == 2
        await watchers.sentinels[2].kill()
        over.nodes._is_in_doubt = True
        assert isinstance(await over.store.rotate(token), Rotated)
        assert over.nodes.sentinels.answering == 0
        assert len(over.logger.said("a sentinel does not name the primary")) == 3


async def said_of(over: Over) -> list[str]:
    """What is remarked of sentinels."""
    return [one for one in await over.store.stores.durability.remarks() if "sentinels" in one]


async def test_a_call_that_is_cancelled_while_sentinels_are_asked_leaves_the_next_one_to_ask(
    watchers: Watchers,
) -> None:
    async with served_by(watchers) as over:
        for sentinel in watchers.sentinels:
            sentinel.freeze()
        try:
            call = asyncio.create_task(over.store.open())
            await eventually(over.nodes._asking.locked)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        finally:
            for sentinel in watchers.sentinels:
                sentinel.thaw()
        assert await over.store.open()


async def test_a_crowd_at_the_start_waits_for_the_one_that_asks(watchers: Watchers) -> None:
    async with served_by(watchers) as over:
        assert all(await asyncio.gather(*(over.store.open() for _ in range(20))))
        assert over.logger.said(BEGUN) == []


async def test_a_crowd_asks_sentinels_that_hang_once(watchers: Watchers) -> None:
    """Each would wait for all before it otherwise."""
    async with served_by(watchers) as over:
        asked, find = [], over.nodes.sentinels.find_primary

        async def counted() -> Address | None:
            asked.append(None)
            return await find()

        over.nodes.sentinels.find_primary = counted
        for sentinel in watchers.sentinels:
            sentinel.freeze()
        try:
            calls = (over.nodes.send(0, Lane.CALLS, "EXISTS", "x") for _ in range(20))
            found = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            for sentinel in watchers.sentinels:
                sentinel.thaw()
        assert {type(one) for one in found} == {NoPrimaryError}
        assert len(asked) == 1


async def test_a_name_that_no_sentinel_knows_is_told_once(watchers: Watchers) -> None:
    async with served_by(watchers, url=watchers.url + "-of-others") as over:
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await over.store.open()
        assert over.logger.said(BEGUN) == [{"kind": "no primary"}]


async def test_a_sentinel_that_has_not_heard_of_a_failover_is_not_followed(
    watchers: Watchers, tmp_path: Path
) -> None:
    """It is the first that is named, and the others do not reach it."""
    former = await watchers.primary()
    await watchers.sentinels[1].redis.execute_command("SENTINEL FAILOVER", PRIMARY_NAME)

    async def has_gone() -> bool:
        return await watchers.primary() is not former

    await eventually(has_gone, timeout=FAILOVER_SECONDS)
    alone = Valkey(tmp_path / "alone", free_port())
    deaf = Sentinel(tmp_path / "deaf", free_port(), watched=alone)
    try:
        await alone.start()
        await deaf.start()
        url = watchers.url.replace("://", f"://{HOST}:{deaf.port},")
        async with served_by(watchers, url=url) as over:
            assert await over.store.open()
            assert over.primary is await watchers.primary()
            assert over.nodes.sentinels.answering == 4
    finally:
        await deaf.close()
        await alone.close()


@asynccontextmanager
async def rotating(over: Over) -> AsyncIterator[list[Chain]]:
    """Clients that rotate until the context closes; none may be refused, or told of two successors."""
    chains = [await Chain.begin(over.store, f"user-{n}") for n in range(CHAINS)]
    ending = asyncio.Event()
    runs = [asyncio.create_task(chain.run(ending)) for chain in chains]
    await go_on(chains)
    yield chains
    ending.set()
    await asyncio.gather(*runs)
    assert [chain.forks for chain in chains] == [0] * len(chains)


async def go_on(chains: list[Chain]) -> None:
    """Return when every client has had three successors more."""
    reached = {chain: chain.token.generation for chain in chains}
    await eventually(
        lambda: all(chain.token.generation >= reached[chain] + 3 for chain in chains),
        timeout=FAILOVER_SECONDS,
    )


async def is_replica(store: Valkey) -> bool:
    return bool((await store.redis.info("replication"))["role"] == "slave")
