"""The shared buckets behind their port."""

from __future__ import annotations

from typing_extensions import override

from sessiond_server.adapters.store.limits import SECOND_US
from sessiond_server.adapters.store.partitions import BUCKET_KEY, Partitions
from sessiond_server.adapters.store.scripts.catalogue import TAKE_RATE, TAKE_RATE_TO_END
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.rate import Rate
from sessiond_server.service.storage.rates import SharedBuckets


class RedisBuckets(SharedBuckets):
    """A key for each bucket, which expires once it is full again."""

    def __init__(self, scripts: Scripts, *, partitions: Partitions) -> None:
        self._scripts = scripts
        self._partitions = partitions

    @override
    async def take(self, hashed_key: bytes, rate: Rate, *, to_end: bool) -> float:
        wait_us = await self._scripts.run(
            TAKE_RATE_TO_END if to_end else TAKE_RATE,
            self._partitions.of_placing_byte(hashed_key[0]),
            bucket=f"{BUCKET_KEY}{hashed_key.hex()}",
            interval_us=rate.interval_us,
            ahead_us=rate.ahead_us,
        )
        return wait_us / SECOND_US
