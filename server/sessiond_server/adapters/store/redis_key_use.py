"""Which of our keys stored sessions need, counted for whoever rotates them."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import RedisError
from typing_extensions import override

from sessiond_server.adapters.store.partitions import ACCESS_KEY, RECORD_KEY, REFRESH_KEY
from sessiond_server.adapters.store.record import State, split
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SEALING_ID_BYTES
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.key_use import KeyUse, KeyUses

# A key's name within its partition stands behind the brace: these are the sessions and what they sealed.
_PATTERN: Final = f"{{p*}}[{RECORD_KEY[0]}{REFRESH_KEY[0]}{ACCESS_KEY[0]}]:*"
_A_STEP: Final = 500


class RedisKeyUses(KeyUses):
    """Walks through the keys of the store, which no server does: it is for one command of an operator's."""

    def __init__(self, scripts: Scripts) -> None:
        self._client = scripts.client(Lane.CALLS)

    @override
    async def count(self, *, at_most: int) -> KeyUse:
        peppers, sealing = Counter[bytes](), Counter[bytes]()
        seen, names = 0, list[bytes]()
        try:
            async for name in self._client.scan_iter(match=_PATTERN, count=_A_STEP):
                if seen == at_most:
                    break
                seen += 1
                names.append(name)
                if len(names) == _A_STEP:
                    await self._look_at(names, peppers, sealing)
                    names = []
            else:
                await self._look_at(names, peppers, sealing)
                return KeyUse(peppers, sealing, is_complete=True)
            await self._look_at(names, peppers, sealing)
        except (RedisError, OSError) as error:
            raise StoreUnavailableError from error
        return KeyUse(peppers, sealing, is_complete=False)

    async def _look_at(
        self, names: Sequence[bytes], peppers: Counter[bytes], sealing: Counter[bytes]
    ) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.get(name)
            found: list[Any] = await pipeline.execute()
        for name, value in zip(names, found, strict=True):
            if value is None:
                continue
            sealed = value
            if _kind_of(name) == RECORD_KEY:
                pepper_id, sealed = _of_record(value)
                if pepper_id:
                    peppers[pepper_id] += 1
            if sealed:
                sealing[sealed[1 : 1 + SEALING_ID_BYTES]] += 1


def _kind_of(name: bytes) -> str:
    return name.partition(b"}")[2][: len(RECORD_KEY)].decode()


def _of_record(record: bytes) -> tuple[bytes | None, bytes]:
    """The pepper's id of a live session, and what is sealed in its record; nothing of an ended one."""
    try:
        header, sealed = split(record)
    except struct.error:
        return None, b""
    return (header.pepper_id, sealed) if header.state == State.LIVE else (None, b"")
