"""The port of whether what the store takes reaches a replica: one that is cut off may have been replaced."""

from __future__ import annotations

from typing import Protocol


class Replication(Protocol):
    """Whether the store that answers is one that its replicas follow."""

    async def write_trifle(self, partition: int) -> bool:
        """Write a trifle in `partition`; whether a replica has acknowledged it in time.

        From then on the store is known to have had replicas.

        Raises:
            StoreUnavailableError: the store did not answer, or did not take it.
        """
