"""The port of the key sets that servers share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from typing_extensions import override

from sessiond_server.domain.failures import StoreUnavailableError


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
    """A key set that some server fetched, and when it asked: seconds since 1970 by that server's clock.

    `ordered_at` is the last order to fetch anew that this server had carried out by that; 0 for none.
    """

    document: Document
    fetched_at: float
    ordered_at: float


class SharedKeySet(Protocol):
    """Where servers leave the last good key set of an issuer for each other.

    Where it cannot be reached, it is as if it were empty.
    """

    async def load(self) -> SharedDocument | None:
        """The key set that was left last; None where there is none, or none that can be trusted.

        One that does not carry out the last order to fetch anew cannot.
        """

    async def save(self, shared: SharedDocument) -> None:
        """Leave a key set for the others."""

    async def last_order(self) -> float | None:
        """When every server was last told to fetch anew: seconds since 1970 by the store's clock.

        0 stands for never, None for a store that does not answer.
        """

    async def order(self) -> float:
        """Tell every server to fetch anew; the time of this order. Raises `StoreUnavailableError`."""


class NotShared(SharedKeySet):
    """Holds nothing, and no order reaches anybody through it."""

    @override
    async def load(self) -> SharedDocument | None:
        return None

    @override
    async def save(self, shared: SharedDocument) -> None:
        return

    @override
    async def last_order(self) -> float | None:
        return None

    @override
    async def order(self) -> float:
        raise StoreUnavailableError


class SharedKeySets(Protocol):
    """The shared key sets of all issuers."""

    def of(self, issuer: str, *, address: str, max_stale: timedelta) -> SharedKeySet:
        """The shared key set of one issuer at the address of its keys; it is kept for `max_stale`."""
