"""Which of our keys stored sessions need, counted for whoever rotates them."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import ACCESS_KEY, RECORD_KEY, REFRESH_KEY, Partitions, key_in
from sessiond_server.adapters.store.record import State, split
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SEALING_ID_BYTES
from sessiond_server.service.storage.key_use import KeyUse, KeyUses

# The sessions of a partition, and what they sealed.
_PATTERN: Final = f"[{RECORD_KEY[0]}{REFRESH_KEY[0]}{ACCESS_KEY[0]}]:*"
_A_STEP: Final = 500


class RedisKeyUses(KeyUses):
    """Walks through the keys of the store, which no server does: it is for one command of an operator's."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    async def count(self, *, at_most: int) -> KeyUse:
        peppers, sealing, seen = Counter[bytes](), Counter[bytes](), 0
        for partition in self._partitions:
            async for names in self._steps(partition):
                await self._look_at(partition, names[: at_most - seen], peppers, sealing)
                seen += len(names)
                if seen > at_most:
                    return KeyUse(peppers, sealing, is_complete=False)
        return KeyUse(peppers, sealing, is_complete=True)

    async def _steps(self, partition: int) -> AsyncIterator[list[bytes]]:
        cursor, pattern = 0, key_in(partition, _PATTERN)
        while True:
            cursor, names = await self._scripts.send(
                partition, Lane.CALLS, "SCAN", cursor, "MATCH", pattern, "COUNT", _A_STEP
            )
            if names:
                yield names
            if not cursor:
                return

    async def _look_at(
        self, partition: int, names: Sequence[bytes], peppers: Counter[bytes], sealing: Counter[bytes]
    ) -> None:
        if not names:
            return
        found = await self._scripts.send(partition, Lane.CALLS, "MGET", *names)
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
