"""Key sets that servers share: sealed for their issuer and address, and not used where anything is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet
from tests.support.store import SEALING, connected

if TYPE_CHECKING:
    from tests.support.store import Store

ISSUER = "https://id.example"
KEPT = SharedDocument(Document(b'{"keys": []}', 600.0, '"v1"'), 1000.5, 0.0)


def shelf(store: Store, issuer: str = ISSUER, address: str = "keys", key: bytes = SEALING) -> SharedKeySet:
    sealed = connected(store.redis, partitions=len(store.partitions), sealing=(key,))
    return sealed.stores.key_sets.of(issuer, address=address, max_stale=timedelta(hours=1))


async def test_what_one_server_leaves_another_finds(store: Store) -> None:
    assert await shelf(store).load() is None
    await shelf(store).save(KEPT)
    assert await shelf(store).load() == KEPT
    (key,) = await store.redis.keys("*}k:*")
    assert 0 < await store.redis.pttl(key) <= 3_600_000
    assert b"keys" not in await store.redis.get(key)


async def test_it_is_for_its_issuer_and_address_alone(store: Store) -> None:
    await shelf(store).save(KEPT)
    (key,) = await store.redis.keys("*}k:*")
    sealed = await store.redis.get(key)
    for other in (shelf(store, issuer="https://other.example"), shelf(store, address="elsewhere")):
        await other.save(KEPT)
        (foreign,) = [name for name in await store.redis.keys("*}k:*") if name != key]
        await store.redis.set(foreign, sealed)
        assert await other.load() is None
        await store.redis.delete(foreign)


async def test_whoever_writes_the_store_plants_nothing(store: Store) -> None:
    await shelf(store).save(KEPT)
    (key,) = await store.redis.keys("*}k:*")
    sealed = await store.redis.get(key)
    for planted in (b"", b"x", sealed[:-1], sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]):
        await store.redis.set(key, planted)
        assert await shelf(store).load() is None
    await shelf(store, key=bytes(32)).save(KEPT)
    assert await shelf(store).load() is None


async def test_an_order_reaches_every_server_of_its_issuer_whatever_address_it_asks(store: Store) -> None:
    other = shelf(store, issuer="https://other.example")
    assert await shelf(store).last_order() == 0
    ordered_at = await shelf(store, address="elsewhere").order()
    assert ordered_at > 1_000_000_000
    assert await shelf(store).last_order() == ordered_at
    assert await other.last_order() == 0
    (key,) = await store.redis.keys("*}ko:*")
    assert 0 < await store.redis.pttl(key) <= 3_600_000


async def test_what_was_fetched_by_a_server_that_did_not_know_of_the_order_is_not_used(store: Store) -> None:
    await shelf(store).save(KEPT)
    ordered_at = await shelf(store).order()
    assert await shelf(store).load() is None
    await shelf(store).save(KEPT)
    assert await shelf(store).load() is None
    carried_out = replace(KEPT, ordered_at=ordered_at)
    await shelf(store).save(carried_out)
    assert await shelf(store).load() == carried_out


async def test_an_order_that_is_no_time_is_none(store: Store) -> None:
    await shelf(store).order()
    (key,) = await store.redis.keys("*}ko:*")
    await store.redis.set(key, b"garbage")
    assert await shelf(store).last_order() == 0
    assert await shelf(store).order() > 0
