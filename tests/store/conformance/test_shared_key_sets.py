"""Key sets that servers share: sealed for their issuer and address, and not used where anything is wrong."""

from __future__ import annotations

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
