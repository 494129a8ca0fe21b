"""The last good key set of each issuer, shared by all servers.

It is sealed, so that whoever can write the store cannot plant a key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec
from typing_extensions import override

from sessiond_server.adapters.store.partitions import KEY_ORDER_KEY, KEY_SET_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import (
    LAST_KEY_ORDER,
    LOAD_DOCUMENT,
    ORDER_KEYS,
    SAVE_DOCUMENT,
)
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import SealingKeyMissingError, StoreUnavailableError
from sessiond_server.domain.identifiers import hashed_id, length_prefixed
from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet, SharedKeySets

_FIELD: Final = "key set"


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """The order of the fields is the stored format: new ones go to the end and have a default."""

    body: bytes
    lifetime_seconds: float
    entity_tag: str | None
    fetched_at: float
    ordered_at: float = 0.0


class RedisKeySets(SharedKeySets):
    """The key sets, all in one partition, because no issuer is a subject."""

    def __init__(self, scripts: Scripts, sealing: SealingKeys, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._sealing = sealing
        self._partition = partitions.of_the_store()

    @override
    def of(self, issuer: str, *, address: str, max_stale: timedelta) -> SharedKeySet:
        return _RedisKeySet(self._scripts, self._sealing, self._partition, issuer, address, max_stale)


class _RedisKeySet(SharedKeySet):
    """The key set of one issuer at the address of its keys; after a failure it is as if it held nothing."""

    def __init__(
        self,
        scripts: Scripts,
        sealing: SealingKeys,
        partition: int,
        issuer: str,
        address: str,
        max_stale: timedelta,
    ) -> None:
        self._scripts = scripts
        self._sealing = sealing
        self._partition = partition
        self._issuer = issuer
        self._scope = length_prefixed(issuer.encode(), address.encode())
        self._key = f"{KEY_SET_KEY}{hashed_id('key_set', issuer, address).hex()}"
        # Servers are told by the issuer's name alone, whatever address each of them has for its keys.
        self._order_key = f"{KEY_ORDER_KEY}{hashed_id('key_order', issuer, '').hex()}"
        self._life_ms = max_stale // timedelta(milliseconds=1)

    @override
    async def load(self) -> SharedDocument | None:
        try:
            found = await self._scripts.run(
                LOAD_DOCUMENT, self._partition, document=self._key, order=self._order_key
            )
            if not found.sealed:
                return None
            raw = self._sealing.open_for(self._scope, found.sealed, field=_FIELD, issuer=self._issuer)
            kept = msgspec.msgpack.decode(raw, type=_Kept)
        except (StoreUnavailableError, SealingKeyMissingError, msgspec.MsgspecError):
            return None
        if found.ordered_ms and kept.ordered_at != found.ordered_ms / 1000:
            return None
        document = Document(kept.body, kept.lifetime_seconds, kept.entity_tag)
        return SharedDocument(document, kept.fetched_at, kept.ordered_at)

    @override
    async def save(self, shared: SharedDocument) -> None:
        document = shared.document
        kept = _Kept(
            document.body or b"",
            document.lifetime_seconds,
            document.entity_tag,
            shared.fetched_at,
            shared.ordered_at,
        )
        sealed = self._sealing.seal_for(
            self._scope, msgspec.msgpack.encode(kept), field=_FIELD, issuer=self._issuer
        )
        try:
            await self._scripts.run(
                SAVE_DOCUMENT, self._partition, document=self._key, sealed=sealed, life_ms=self._life_ms
            )
        except StoreUnavailableError:
            return

    @override
    async def last_order(self) -> float | None:
        try:
            return await self._scripts.run(LAST_KEY_ORDER, self._partition, order=self._order_key) / 1000
        except StoreUnavailableError:
            return None

    @override
    async def order(self) -> float:
        ordered_ms = await self._scripts.run(
            ORDER_KEYS, self._partition, order=self._order_key, life_ms=self._life_ms
        )
        return ordered_ms / 1000
