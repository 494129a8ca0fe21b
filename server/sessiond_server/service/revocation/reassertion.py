"""Writes again what the store has lost and this server still knows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.domain.revocation import Position, Revocation
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.revocations import Logged, RevocationLog
from sessiond_server.service.telemetry import Telemetry

# So many are written by one script.
REASSERTED_A_CALL: Final = 200
_LONGEST_PAUSE_SECONDS: Final = 1.0


def jitter_seconds() -> float:
    """How long to wait before looking: whoever lost the race finds in the log what another has written."""
    return random.uniform(0, _LONGEST_PAUSE_SECONDS)  # noqa: S311 - it is no secret


class Reassertion:
    """Restores the logs of partitions whose view is in doubt.

    What is written is what the log, read to its end, has not. Every survivor does so; each page is written by
    one of them, and the others read it before they go on.

    `entry_life_ms` and `cutoff_life_ms` are how long an entry of the log and a cutoff are kept.
    """

    def __init__(
        self,
        revocations: Revocations,
        log_store: RevocationLog,
        *,
        cutoff_life_ms: int,
        entry_life_ms: int,
        logger: Logger,
        telemetry: Telemetry,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._revocations = revocations
        self._view = revocations.view
        self._log_store = log_store
        self._cutoff_life_ms = cutoff_life_ms
        self._entry_life_ms = entry_life_ms
        self._logger = logger
        self._telemetry = telemetry
        self._sleep = sleep

    async def keep_up(self) -> None:
        """Look again and again whether there is something to be restored, until cancelled."""
        while True:
            await self._sleep(jitter_seconds())
            for partition in self._log_store.partitions():
                if self._view.is_in_doubt(partition):
                    await self.restore(partition)

    async def restore(self, partition: int) -> None:
        """Write what is in doubt, for as long as the store answers; what is left is tried again later."""
        count = 0
        try:
            while (written := await self._restore_some(partition)) is not None:
                count += written
            await self._say_that_it_is_whole(partition)
        except (StoreUnavailableError, RevocationViewStaleError):
            self._logger.warning("lost revocations were not all written again", partition=partition)
        except OSError:
            self._logger.error("the file of revocations cannot be read")
        if count:
            self._logger.warning("lost revocations were written again", partition=partition, count=count)

    async def _say_that_it_is_whole(self, partition: int) -> None:
        """Tell those who start later that nothing is missing, even where others append meanwhile."""
        after = self._view.position_of(partition)
        while self._revocations.loss.knows(partition) and after is not None:
            if await self._write(partition, (), after=after):
                return
            await self._revocations.catch_up_anew(partition)
            after = self._view.position_of(partition)

    async def _restore_some(self, partition: int) -> int | None:
        """Write one page; how many there were, and None where nothing is in doubt any more."""
        after, page = (
            self._view.position_of(partition),
            self._view.doubted(partition, limit=REASSERTED_A_CALL),
        )
        if page is None:
            return None
        if not page or after is None:
            await self._sleep(0)
            return 0
        logged = await self._write(partition, page, after=after)
        if logged:
            self._revocations.apply_own(logged)
            self._view.settle(partition, [one.hashed_id for one in page])
            self._telemetry.revocations_reasserted(len(logged.revocations))
        # What is behind `after` by now may be the same, written by somebody else.
        await self._revocations.catch_up_anew(partition)
        return len(logged.revocations) if logged else 0

    async def _write(self, partition: int, page: Sequence[Revocation], *, after: Position) -> Logged | None:
        return await self._log_store.reassert(
            partition,
            page,
            after=after,
            cutoff_life_ms=self._cutoff_life_ms,
            entry_life_ms=self._entry_life_ms,
        )
