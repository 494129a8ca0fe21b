"""The port of whether the store takes writes: sessions need them, and validation does not."""

from __future__ import annotations

from typing import Protocol


class StoreWrites(Protocol):
    """Whether the store takes writes, as its answers to all calls have shown."""

    @property
    def refused_for(self) -> str | None:
        """Why it takes none, a word such as OOM; None where it takes them as far as is known."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether calls have failed lately, so that `probe` should be called again soon."""

    async def probe(self) -> None:
        """Write a trifle in every partition: what has changed is to be known even when nobody else writes.

        Raises:
            StoreUnavailableError: some partition did not take it; why is known now.
        """
