"""Notices where the store may have lost what it had acknowledged, and has it remember that."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.revocations import LogPage, RevocationLog
from sessiond_server.service.telemetry import Telemetry

# Whoever still knows what a store has lost looks within a second, and has written most of it by then.
_SETTLED_AFTER_MS: Final = 5_000


class History:
    """Watches whether the store's history goes on, in each partition.

    It does not where the log is another one, and perhaps not where the store is in another run: a store that
    comes back as it was a while ago has lost rotations even where it lost no revocation.
    """

    def __init__(self, log_store: RevocationLog, *, logger: Logger, telemetry: Telemetry) -> None:
        self._log_store = log_store
        self._logger = logger
        self._telemetry = telemetry
        self._runs: dict[int, str] = {}
        self._changed_ms: dict[int, int] = {}
        self._lost: set[int] = set()
        # Whether something was lost a short while ago, and whether the log began so lately.
        self._unsettled: dict[int, bool] = {}
        self._newborn: dict[int, bool] = {}
        # What is still to be noted, with what was noted last before it.
        self._unnoted: dict[int, int] = {}

    async def follow(self, partition: int, page: LogPage) -> None:
        """Take in a page of the log."""
        if page.broken_by:
            why = page.broken_by.name
            self._logger.warning(
                "the revocation log was replaced, reading it anew", partition=partition, why=why
            )
            self._telemetry.log_resynced(why)
            if page.broken_by.loses:
                self._telemetry.store_regressed()
            self._unnoted[partition] = self._changed_ms.get(partition, page.changed_ms)
        if self._runs.get(partition, page.run) != page.run:
            self._logger.warning("the store was restarted, or another took its place", partition=partition)
            self._telemetry.store_run_changed()
        if not page.is_noted:
            # Nobody has noted this run; and a store that came back may have forgotten what was noted before.
            self._unnoted[partition] = page.changed_ms
        self._runs[partition], self._changed_ms[partition] = page.run, page.changed_ms
        if page.changed_ms or partition in self._unnoted:
            self._lost.add(partition)
        self._settle(partition, page)
        if partition in self._unnoted:
            await self._note(partition)

    def may_have_lost(self, partition: int) -> bool:
        """Whether what the log of `partition` once had may be missing in it, as far as any server noticed."""
        return partition in self._lost

    def may_lack(self, partition: int, *, of_another_log: bool) -> bool:
        """Whether something was lost so lately that others may not have written it again yet.

        It is of the log that there is, or `of_another_log`, in whose place that one has come.
        """
        return self._unsettled[partition] or (of_another_log and self._newborn[partition])

    def _settle(self, partition: int, page: LogPage) -> None:
        recently_ms = page.store_ms - _SETTLED_AFTER_MS
        self._unsettled[partition] = partition in self._unnoted or page.changed_ms > recently_ms
        self._newborn[partition] = page.born_ms > recently_ms

    async def _note(self, partition: int) -> None:
        """Have the store remember it; where it takes no writes, the next page tries again."""
        with suppress(StoreUnavailableError):
            await self._log_store.note_change(partition, known_ms=self._unnoted[partition])
            del self._unnoted[partition]
