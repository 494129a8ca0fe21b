"""The port of which of our keys stored sessions need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How much of what was looked at needs each pepper and each sealing key, by the keys' ids.

    `is_complete` says that everything was looked at; otherwise a key that nothing needed may be needed still.
    """

    peppers: Mapping[bytes, int]
    sealing: Mapping[bytes, int]
    is_complete: bool


class KeyUses(Protocol):
    """Tells which keys are needed still."""

    async def count(self, *, at_most: int) -> KeyUse:
        """Look at so many records and provider's tokens at most; raises `StoreUnavailableError`."""
