"""Whether the store that answers is the one whose log counts: the primary, while its replicas follow it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from typing import Final

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.reads import SharedReads
from sessiond_server.service.revocation.rounds import Rounds
from sessiond_server.service.storage.replication import Replication
from sessiond_server.service.storage.revocations import LogPage

# How often a replica has to acknowledge something, and for how long its word holds. Together with the time
# for which answers go on this is how long a primary can mislead that was replaced and does not know it.
CONFIRMED_EVERY_SECONDS: Final = 1.0
CONFIRMED_FOR_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 0.1


class Failover(Enum):
    """Whether a replica may take the store's place."""

    AUTO = "auto"
    """It may where replicas have been seen."""
    NEVER = "never"
    ALWAYS = "always"


class Primacy:
    """Judges who has answered, in each partition.

    A replica's answers do not count: its link may have been cut long ago. Nor do those of a primary that has,
    or had, replicas and reaches none: one of them may have been promoted, and what is revoked there is not
    known here.
    """

    def __init__(
        self,
        replication: Replication,
        *,
        partitions: Iterable[int],
        failover: Failover,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._replication = replication
        self._failover = failover
        self._clock = clock
        self._logger = logger
        self._confirmed = dict.fromkeys(partitions, -math.inf)
        self._replicated = set(self._confirmed) if failover is Failover.ALWAYS else set[int]()
        self._replicas: set[int] = set()
        self._cut_off: set[int] = set()
        self._trifles = SharedReads(self._write_trifle)
        self._is_wanted = asyncio.Event()

    @property
    def not_ready_reason(self) -> str | None:
        """Why what the store answers does not count; None where it does as far as is known."""
        if self._replicas:
            return "the store that answers is a replica"
        if self._cut_off:
            return "no replica acknowledges writes: one may have taken the store's place"
        return None

    def take(self, partition: int, page: LogPage) -> None:
        """Take in who has answered.

        Raises:
            StoreUnavailableError: it was a replica.
        """
        if page.is_replicated and self._failover is Failover.AUTO and partition not in self._replicated:
            self._replicated.add(partition)
            self._is_wanted.set()
        if not page.is_primary:
            if not self._replicas:
                self._logger.error("the store that answers is a replica, which does not count")
            self._replicas.add(partition)
            raise StoreUnavailableError
        if partition in self._replicas:
            self._replicas.discard(partition)
            self._logger.info("the store that answers is the primary again", partition=partition)

    def stands(self, partition: int, at: float) -> bool:
        """Whether an answer of the primary that was asked at `at`, on the steady clock, counts."""
        return partition not in self._replicated or self._confirmed[partition] + CONFIRMED_FOR_SECONDS > at

    async def confirm(self, partition: int) -> None:
        """Make sure that the store stands at this moment, with a write that is sent after this was called.

        Raises:
            StoreUnavailableError: it does not, or did not answer.
        """
        if partition in self._replicated:
            await self._trifles.share_next(partition)

    async def keep_confirming(self) -> None:
        """Have a replica acknowledge something about once a second, until cancelled."""
        rounds = Rounds(self._trifles.share)
        with rounds.ended_at_last():
            while True:
                self._is_wanted.clear()
                ended = await rounds.go(sorted(self._replicated))
                failures = [one for one in ended.values() if one is not None]
                self._report(failures)
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._is_wanted.wait(), _RETRY_SECONDS if failures else CONFIRMED_EVERY_SECONDS
                    )

    def _report(self, failures: list[BaseException]) -> None:
        for failure in failures:
            if not isinstance(failure, StoreUnavailableError):
                self._logger.error("replicas cannot be waited for", failure=type(failure).__name__)

    async def _write_trifle(self, partition: int) -> None:
        sent = self._clock.steady()
        if not await self._replication.write_trifle(partition):
            self._tell_cut_off(partition)
            raise StoreUnavailableError
        self._confirmed[partition] = sent
        if partition in self._cut_off:
            self._cut_off.discard(partition)
            self._logger.info("a replica acknowledges writes again", partition=partition)

    def _tell_cut_off(self, partition: int) -> None:
        if not self._cut_off:
            self._logger.error("no replica acknowledges writes, what the store answers does not count")
        self._cut_off.add(partition)
