"""A store that is opened has its own number of partitions, and keeps all of a subject in one partition."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.open import HashedIssuers, StoreAddress, open_stores
from sessiond_server.service.storage.durability import PartitionsError
from tests.support.fakes import RecordingTelemetry, SilentLogger
from tests.support.store import ISSUER, SEALING, at_most, connected, first_token
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.adapters.embedded.store import EmbeddedStore
    from tests.support.store import Store


@pytest.mark.usefixtures("one_server")
async def test_the_number_of_partitions_is_the_stores(store: Store) -> None:
    for _ in range(2):
        await store.stores.durability.pin_partitions()
    number = len(store.partitions)
    sixteen = connected(store.redis, partitions=16)
    with pytest.raises(PartitionsError, match=f"the store has {number} partitions, this server is set to 16"):
        await sixteen.stores.durability.pin_partitions()


@pytest.mark.usefixtures("one_server")
async def test_what_was_opened_is_closed(valkey: EmbeddedStore, store: Store) -> None:
    async def is_alone() -> bool:
        return len(await store.redis.client_list()) == 1

    await eventually(is_alone)
    async with open_stores(
        StoreAddress(f"unix://{valkey.socket_path}"),
        partitions=len(store.partitions),
        sealing_keys=[SEALING],
        issuers=HashedIssuers({ISSUER: 0}),
        rules=at_most(1),
        steady=time.monotonic,
        telemetry=RecordingTelemetry(),
        logger=SilentLogger(),
    ) as stores:
        await stores.durability.pin_partitions()
        assert await stores.sessions.get(first_token().session) is None
        assert not await is_alone()
    await eventually(is_alone)


async def test_everything_of_a_subject_is_in_its_partition(store: Store) -> None:
    for subject in map("user-{}".format, range(20)):
        await store.redis.flushall()
        ended, token = await store.open(subject), await store.open(subject)
        await store.next(token)
        await store.end(ended.session)
        await store.end_subject(subject, spared=token.session)
        found = {re.match(rb"\{p\d+\}", key)[0] for key in await store.redis.keys("*")}
        assert found == {store.key("", subject).encode()}


async def test_every_partition_is_somebodys(store: Store) -> None:
    assert {store.partition(f"user-{n}") for n in range(100)} == set(store.log.partitions())
