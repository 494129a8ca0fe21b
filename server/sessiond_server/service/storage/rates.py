"""The port of the buckets that all servers share."""

from __future__ import annotations

from typing import Protocol

from sessiond_server.domain.rate import Rate


class SharedBuckets(Protocol):
    """Buckets by hashed key, by the store's clock; raises `StoreUnavailableError` where there are none."""

    async def take(self, hashed_key: bytes, rate: Rate, *, to_end: bool) -> float:
        """Take one unit in one atomic step: 0, or how many seconds to wait, where nothing is taken.

        `to_end` says that sessions are to end, so that no crowd of refreshes keeps it waiting.
        """
