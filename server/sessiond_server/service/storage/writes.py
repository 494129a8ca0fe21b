"""The port of whether the store takes writes: sessions need them, and validation does not."""

from __future__ import annotations

from typing import Protocol


class StoreWrites(Protocol):
    """Whether the store takes writes, as its answers to all calls have shown."""

    @property
    def refused_for(self) -> str | None:
        """Why it takes none, a word such as OOM; None where it takes them as far as is known."""

    async def probe(self) -> None:
        """Write a trifle in every partition, time and again.

        That writes are taken again, or no more, is to be known even when nobody else writes; and that nobody
        could use the store for a while is known by what is missing.

        Raises:
            StoreUnavailableError: some partition did not take it; why is known now.
        """
