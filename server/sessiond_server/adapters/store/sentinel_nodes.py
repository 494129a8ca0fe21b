"""A primary that sentinels watch: another one takes its place when it fails, and they tell which."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from redis.exceptions import RedisError
from typing_extensions import override

from sessiond_server.adapters.store.connection import Node, StoreAddress
from sessiond_server.adapters.store.replication import send
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.nodes import Nodes
from sessiond_server.adapters.store.sentinels import Sentinels
from sessiond_server.adapters.store.store_errors import NoPrimaryError, may_have_moved
from sessiond_server.domain.address import Address
from sessiond_server.service.logger import Logger

# However many calls fail, sentinels are asked no more often than this.
_ASK_EVERY_SECONDS: Final = 0.1


class SentinelNodes(Nodes):
    """Goes to one primary until a call fails as it would behind a failover; then sentinels are asked.

    The connections to a primary live for as long as it is one. Where no sentinel answers, the primary that is
    known goes on being asked.
    """

    def __init__(
        self, address: StoreAddress, *, logger: Logger, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self.sentinels = Sentinels(address, logger=logger)
        self._address = address
        self._logger = logger
        self._steady = steady
        self._primary: Node | None = None
        self._is_in_doubt = True
        self._asking = asyncio.Lock()
        self._asked_at = -_ASK_EVERY_SECONDS

    @override
    async def send(self, partition: int, lane: Lane, *command: Any, replicas: int = 0) -> Any:
        primary = await self._find_primary()
        try:
            return await send(primary.client(lane), command, replicas=replicas)
        except (RedisError, OSError) as error:
            if primary is self._primary and may_have_moved(error):
                self._is_in_doubt = True
            raise

    @override
    async def remarks(self) -> list[str]:
        # Otherwise they are asked only when a call has failed, and then it is too late to mend them.
        await self.sentinels.find_primary()
        answering, number = self.sentinels.answering, len(self.sentinels)
        if answering == number:
            return []
        majority = "" if answering > number // 2 else ", and no replica can take its place"
        return [f"only {answering} of {number} sentinels name the primary{majority}"]

    async def aclose(self) -> None:
        """Close every connection."""
        await self.sentinels.aclose()
        if self._primary:
            await self._primary.aclose()

    async def _find_primary(self) -> Node:
        # Who is in doubt while somebody asks goes on with the primary that is known.
        if self._is_in_doubt or self._primary is None:
            came = self._steady()
            async with self._asking:
                # Whoever asked while we waited has asked for us, whatever came of it.
                if self._is_in_doubt and came - self._asked_at >= _ASK_EVERY_SECONDS:
                    await self._ask()
        if self._primary is None:
            raise NoPrimaryError
        return self._primary

    async def _ask(self) -> None:
        # The doubt of whoever fails while we ask is a new one; a call that is cancelled leaves it as it was.
        at, self._is_in_doubt = None, False
        try:
            at = await self.sentinels.find_primary()
        finally:
            self._asked_at = self._steady()
            self._is_in_doubt = self._is_in_doubt or at is None
        if at is not None and (self._primary is None or self._primary.at != at):
            await self._go_to(at)

    async def _go_to(self, at: Address) -> None:
        former, self._primary = self._primary, Node(self._address, at)
        self._logger.info(
            "sentinels name the primary", primary=str(at), former=str(former.at) if former else None
        )
        if former:
            await former.aclose()
