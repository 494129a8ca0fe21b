"""The port of the key sets that servers share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """A document, how many seconds it is good for, and its entity tag.

    A body of None says that the document that is known is still right.
    """

    body: bytes | None
    lifetime_seconds: float
    entity_tag: str | None


@dataclass(frozen=True, slots=True)
class SharedDocument:
    """A key set that some server fetched, and when: seconds since 1970 by that server's clock."""

    document: Document
    fetched_at: float


class SharedKeySet(Protocol):
    """Where servers leave the last good key set of an issuer for each other.

    Where it cannot be reached, it is as if it were empty.
    """

    async def load(self) -> SharedDocument | None:
        """The key set that was left last; None where there is none, or none that can be trusted."""

    async def save(self, shared: SharedDocument) -> None:
        """Leave a key set for the others."""


class SharedKeySets(Protocol):
    """The shared key sets of all issuers."""

    def of(self, issuer: str, *, address: str, max_stale: timedelta) -> SharedKeySet:
        """The shared key set of one issuer at the address of its keys; it is kept for `max_stale`."""
