"""The last good key set of each issuer, shared by all servers: sealed, so that whoever can write the store cannot plant a key."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from sessiond_server.adapters.http.issuer_documents import Document
from sessiond_server.adapters.http.remote_key_set import SharedDocument
from sessiond_server.adapters.store.client import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import SealingKeyMissingError, StoreUnavailableError
from sessiond_server.domain.identifiers import hashed_id, length_prefixed

_FIELD: Final = "key set"
_PARTITION: Final = 0


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """The order of the fields is the stored format: new ones go to the end and have a default."""

    body: bytes
    lifetime_seconds: float
    entity_tag: str | None
    fetched_at: float


class RedisKeySet:
    """Implements `SharedKeySet` for one issuer and the address of its keys; what fails is as if there were nothing."""

    def __init__(self, scripts: Scripts, sealing: SealingKeys, *, issuer: str, address: str, max_stale: timedelta) -> None:
        self._scripts = scripts
        self._sealing = sealing
        self._issuer = issuer
        self._scope = length_prefixed(issuer.encode(), address.encode())
        self._key = f"k:{hashed_id('key_set', issuer, address).hex()}"
        self._life_ms = max_stale // timedelta(milliseconds=1)

    async def load(self) -> SharedDocument | None:
        """See `SharedKeySet.load`."""
        try:
            sealed = await self._scripts.run("load_document", _PARTITION, keys=[self._key])
            if not sealed:
                return None
            raw = self._sealing.open_for(self._scope, sealed, field=_FIELD, issuer=self._issuer)
            kept = msgspec.msgpack.decode(raw, type=_Kept)
        except (StoreUnavailableError, SealingKeyMissingError, msgspec.MsgspecError):
            return None
        return SharedDocument(Document(kept.body, kept.lifetime_seconds, kept.entity_tag), kept.fetched_at)

    async def save(self, shared: SharedDocument) -> None:
        """See `SharedKeySet.save`."""
        document = shared.document
        kept = _Kept(document.body or b"", document.lifetime_seconds, document.entity_tag, shared.fetched_at)
        sealed = self._sealing.seal_for(self._scope, msgspec.msgpack.encode(kept), field=_FIELD, issuer=self._issuer)
        try:
            await self._scripts.run("save_document", _PARTITION, sealed, self._life_ms, keys=[self._key])
        except StoreUnavailableError:
            return
