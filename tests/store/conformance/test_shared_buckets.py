"""Buckets in the store: exact, by its clock, and gone once they are full again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessiond_server.domain.rate import Rate
from tests.support.store import connected

if TYPE_CHECKING:
    from tests.support.store import Store

KEY = bytes(range(16))
NOW = 1_800_000_000_000


async def take(store: Store, rate: Rate, *, key: bytes = KEY) -> float:
    return await store.stores.buckets.take(key, rate, to_end=False)


async def test_of_a_crowd_as_many_get_through_as_may(store: Store) -> None:
    rate = Rate(1, 3600, burst=5)
    assert await take(store, rate, key=b"o" * 16) == 0
    waits = await asyncio.gather(*(take(store, rate) for _ in range(20)))
    assert sum(wait == 0 for wait in waits) == 5
    assert await take(store, rate, key=b"o" * 16) == 0


async def test_it_is_the_stores_time_that_counts(store: Store) -> None:
    # The store drops a bucket by a clock that no test stops: it must not be full again so soon.
    rate = Rate(1, 3600, burst=2)
    store.stop_at(NOW)
    assert [await take(store, rate) for _ in range(3)] == [0, 0, 3600]
    store.stop_at(NOW + 3_599_999)
    assert await take(store, rate) == 0.001
    store.stop_at(NOW + 3_600_000)
    assert [await take(store, rate) for _ in range(2)] == [0, 3600]


async def test_another_server_counts_in_the_same_bucket(store: Store) -> None:
    rate = Rate(1, 3600, burst=1)
    await take(store, rate)
    assert await take(connected(store.redis, partitions=len(store.partitions)), rate) > 0


async def test_a_bucket_is_kept_until_it_is_full_again(store: Store) -> None:
    rate = Rate(1, 60, burst=3)
    await take(store, rate)
    await take(store, rate)
    (key,) = [key async for key in store.redis.scan_iter("*b:*")]
    assert 110_000 < await store.redis.pttl(key) <= 120_000


async def test_a_clock_that_was_set_back_makes_nobody_wait_for_longer_than_an_empty_bucket(
    store: Store,
) -> None:
    rate = Rate(1, 60, burst=2)
    store.stop_at(NOW)
    await take(store, rate)
    store.stop_at(NOW - 3_600_000)
    assert await take(store, rate) == 60.0


async def test_revocations_are_counted_beside_a_crowd_of_refreshes(store: Store) -> None:
    own = connected(store.redis, partitions=len(store.partitions))
    assert await own.stores.buckets.take(KEY, Rate(1, 1, burst=1), to_end=True) == 0
