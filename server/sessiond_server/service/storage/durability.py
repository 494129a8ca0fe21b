"""The port of what a server must know of the store before it trusts it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol


class PartitionsError(Exception):
    """The store was begun with another number of partitions; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class StoreNode:
    """What a node of the store says of itself; empty, and no time, where our user may not ask.

    `product` is redis or valkey. `run_id` is another after each start.
    """

    product: str
    version: str
    run_id: str
    now_ms: int


class Durability(Protocol):
    """Whether what was acknowledged can be lost: by the store's settings, or by looking in a wrong place."""

    @property
    def partitions(self) -> Iterable[int]:
        """The partitions of the store."""

    async def node_of(self, partition: int) -> StoreNode:
        """The node that has a partition, as it is now; raises `StoreUnavailableError`."""

    async def pin_partitions(self) -> None:
        """Write the number of partitions at the first start, and insist on it ever after.

        Any part of a store that was begun tells the number.

        Raises:
            PartitionsError: the store was begun with another number.
            StoreUnavailableError: no part of it answered that could tell.
        """

    async def faults(
        self, *, accepted: Collection[str], partitions: Collection[int] | None = None
    ) -> list[str]:
        """Why the store should not be trusted with revocations; risks `accepted` by their names are left out.

        The nodes of these partitions are looked at, of all by default.

        Raises:
            StoreUnavailableError: one of them did not answer.
        """

    async def remarks(self, partitions: Collection[int] | None = None) -> list[str]:
        """What could be better about the store and its settings, and is no reason not to trust it.

        Raises:
            StoreUnavailableError: a node did not answer.
        """
