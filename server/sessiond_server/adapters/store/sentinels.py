"""The sentinels that watch a primary, and what they say of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sessiond_server.adapters.store.connection import StoreAddress, connect_to_sentinel
from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS
from sessiond_server.domain.address import Address
from sessiond_server.domain.store_url import StoreUrl
from sessiond_server.service.logger import Logger


@dataclass(frozen=True, slots=True, order=True)
class _Word:
    """What a sentinel says: the number of the failover that it knows of, and where the primary is since."""

    epoch: int
    host: str
    port: int


class Sentinels:
    """Asks all of them at once, each within the time limit of a call."""

    def __init__(self, address: StoreAddress, *, logger: Logger) -> None:
        url = StoreUrl.parse(address.url)
        self._name = url.primary_name
        self._logger = logger
        self._clients = {at: connect_to_sentinel(address, at) for at in url.nodes}
        self._silent: set[Address] = set()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._clients)

    @property
    def answering(self) -> int:
        """How many have answered when they were asked last."""
        return len(self) - len(self._silent)

    async def find_primary(self) -> Address | None:
        """Where the primary is; None where nobody knows.

        The word counts that belongs to the latest failover: a sentinel that is cut off from the others goes
        on naming a primary that was replaced.
        """
        words = await asyncio.gather(*map(self._ask, self._clients))
        known = [word for word in words if word]
        return Address(host=max(known).host, port=max(known).port) if known else None

    async def aclose(self) -> None:
        """Close the connections to them."""
        for client in self._clients.values():
            await client.aclose()

    async def _ask(self, at: Address) -> _Word | None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                state, found = await _ask(self._clients[at], self._name)
        except (RedisError, OSError):
            self._note(at, is_silent=True)
            return None
        knows = not isinstance(state, Exception) and not isinstance(found, Exception) and found is not None
        self._note(at, is_silent=not knows)
        return _Word(state["config-epoch"], *found) if knows else None

    def _note(self, at: Address, *, is_silent: bool) -> None:
        if is_silent and at not in self._silent:
            self._silent.add(at)
            self._logger.warning("a sentinel does not name the primary", sentinel=str(at))
        elif not is_silent and at in self._silent:
            self._silent.discard(at)
            self._logger.info("a sentinel names the primary again", sentinel=str(at))


async def _ask(sentinel: Redis, name: str) -> tuple[Any, Any]:
    """What it knows of the primary, and where it is: the former is late while a failover goes on."""
    pipeline = sentinel.pipeline(transaction=False)
    pipeline.execute_command("SENTINEL MASTER", name)
    pipeline.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", name)
    state, found = await pipeline.execute(raise_on_error=False)
    return state, found
