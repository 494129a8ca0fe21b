"""Keeps the view of revocations fresh.

It reads the log, applies what this server revoked, and says when it knows too little to answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.domain.revocation import Position, Revocation
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.space import Space
from sessiond_server.domain.view import RevocationView
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.revocation.events import RevocationEvents
from sessiond_server.service.revocation.history import History
from sessiond_server.service.revocation.housekeeping import Housekeeping
from sessiond_server.service.revocation.own import OwnRevocations
from sessiond_server.service.revocation.reads import SharedReads
from sessiond_server.service.revocation.rounds import Rounds
from sessiond_server.service.revocation.snapshots import SnapshotLoader
from sessiond_server.service.revocation.store_checks import StoreChecks
from sessiond_server.service.storage.revocations import Break, Logged, LogPage, RevocationLog
from sessiond_server.service.storage.snapshots import Snapshots
from sessiond_server.service.telemetry import Telemetry

# A partition that cannot be read for so long is away: who starts does not wait for it any more.
_AWAY_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Resync:
    """Why a log was read anew, and when, in seconds since 1970 by this server's clock."""

    why: Break
    at: float


class Revocations:
    """The revocations that this server knows of, and its right to answer from them.

    An answer may be given for `max_staleness_seconds` from the moment at which the last read that reached the
    log's end was *sent*. Where there are many revocations, `space` takes most of what is held of them, and
    `snapshots` makes the first read short. What is read becomes `events` for those who watch.
    """

    def __init__(
        self,
        log_store: RevocationLog,
        *,
        max_staleness_seconds: float,
        clock: Clock,
        checks: StoreChecks,
        logger: Logger,
        telemetry: Telemetry,
        space: Space | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._log_store = log_store
        self.events = RevocationEvents(clock=clock)
        self.partitions = tuple(log_store.partitions())
        self.view = RevocationView(partitions=len(self.partitions), space=space)
        self.max_staleness_seconds = max_staleness_seconds
        self._clock = clock
        self._clocks = checks.clocks
        self._primacy = checks.primacy
        self.loss = checks.loss
        self._logger = logger
        self._history = History(log_store, logger=logger, telemetry=telemetry)
        self._housekeeping = Housekeeping(
            self.view, log_store, clock=clock, clocks=checks.clocks, logger=logger
        )
        self._reads = SharedReads(self._read)
        self._own = OwnRevocations()
        self._loader = SnapshotLoader(self.view, snapshots, log_store, logger=logger) if snapshots else None
        self._telemetry = telemetry
        # Since when, by the steady clock.
        self._unreadable: dict[int, float] = {}
        self._behind = dict.fromkeys(self.partitions, 0)
        # The last one of each partition that had one.
        self.resyncs: dict[int, Resync] = {}

    def __len__(self) -> int:
        """How many revocations are held."""
        return len(self.view)

    @property
    def is_synced(self) -> bool:
        """Whether every partition has been read to its end once."""
        return self.view.is_complete

    @property
    def answering_partitions(self) -> frozenset[int]:
        """All but those that could not be read for some seconds: their node is away."""
        latest = self._clock.steady() - _AWAY_SECONDS
        return frozenset(one for one in self.partitions if self._unreadable.get(one, math.inf) > latest)

    @property
    def has_read_what_answers(self) -> bool:
        """Whether every partition that answers has been read to its end once."""
        return all(self.view.position_of(one) for one in self.answering_partitions)

    @property
    def revision(self) -> str:
        """How far the log has been read, in the form that callers hold."""
        return self.view.revision

    @property
    def age_seconds(self) -> float:
        """How old the knowledge of the least fresh partition is."""
        return self.age_at(self._clock.steady())

    def age_at(self, moment: float) -> float:
        """How old that knowledge was at a moment of the steady clock that has just been read."""
        return moment - min(map(self.view.fresh_until, self.partitions)) + self.max_staleness_seconds

    @property
    def entries_behind(self) -> int:
        """How many entries of the logs were there at the last read and are not known yet."""
        return sum(self._behind.values())

    def behind(self, partition: int) -> int:
        """The same of one partition."""
        return self._behind[partition]

    @property
    def is_fresh(self) -> bool:
        """Whether answers may be given from every partition."""
        return self.age_seconds < self.max_staleness_seconds

    @property
    def stale_partitions(self) -> int:
        """From how many partitions no answers may be given."""
        return sum(self.age_of(one) >= self.max_staleness_seconds for one in self.partitions)

    def age_of(self, partition: int) -> float:
        """Seconds since the last read of `partition` that reached its end was sent."""
        return self._clock.steady() - self.view.fresh_until(partition) + self.max_staleness_seconds

    def partition_of(self, revocation_ids: RevocationIds) -> int:
        """The partition whose freshness a token needs."""
        return self._log_store.partition_of(revocation_ids.placing_byte)

    def revokes(self, revocation_ids: RevocationIds, *, however_old: bool = False) -> bool:
        """Whether a token with these ids is revoked, as far as is known where that may be `however_old`.

        Raises:
            RevocationViewStaleError: that is not known, because the view is older than it may be, or because
                what was packed of it cannot be read.
        """
        partition = self.partition_of(revocation_ids)
        if self.age_of(partition) >= self.max_staleness_seconds and not however_old:
            raise RevocationViewStaleError
        try:
            return self.loss.refuses(partition, revocation_ids.started_ms) or self.view.revokes(
                partition, revocation_ids
            )
        except OSError as error:
            raise RevocationViewStaleError from error

    def standing(self, hashed_ids: Iterable[bytes]) -> tuple[Revocation, ...]:
        """What is known to be revoked of these hashed ids.

        Raises:
            RevocationViewStaleError: what was packed cannot be read.
        """
        try:
            found = [self.view.find(one) for one in dict.fromkeys(hashed_ids)]
        except OSError as error:
            raise RevocationViewStaleError from error
        return tuple(one for one in found if one)

    def apply_own(self, logged: Logged) -> None:
        """Take in what this server revoked, before it is acknowledged.

        The log brings it once more, in its place.
        """
        self._own.acknowledged(logged)
        for revocation in logged.revocations:
            self.view.apply(logged.position.partition, revocation)

    async def apply_up_to(self, logged: Logged) -> None:
        """Take in what this server revoked, and what the log had before that, whoever appended it.

        Raises:
            RevocationViewStaleError: the store does not answer.
        """
        self.apply_own(logged)
        await self.read_up_to(logged.position)

    async def read_up_to(self, position: Position) -> bool:
        """Read up to `position`, or its log's end as of now; whether the former was found.

        Raises:
            RevocationViewStaleError: the store does not answer.
        """
        # A read that is shared may have been sent before `position` was appended; the one behind it was not.
        for _ in range(2):
            if self.has_read(position):
                return True
            await self.catch_up(position.partition)
        if self.has_read(position):
            return True
        # A store that was replaced knows nothing of what the new one has.
        await _answered(self._primacy.confirm(position.partition))
        return False

    def has_read(self, position: Position) -> bool:
        """Whether everything up to `position`, of this incarnation of the store, is known."""
        known = self.view.position_of(position.partition)
        is_behind = known and known.incarnation == position.incarnation and known.number > position.number
        return known == position or bool(is_behind)

    def may_lack(self, position: Position) -> bool:
        """Whether what the log had up to `position` may be lost, and not written again yet."""
        known = self.view.position_of(position.partition)
        is_another = known is not None and known.incarnation != position.incarnation
        return known is not None and self._history.may_lack(position.partition, of_another_log=is_another)

    async def has(self, position: Position) -> bool:
        """Whether the log that is in the store now has `position`.

        Raises:
            RevocationViewStaleError: the store does not answer.
        """
        try:
            return (await self._log_store.read(position.partition, position)).continues
        except StoreUnavailableError as error:
            raise RevocationViewStaleError from error

    def entries_beyond_end(self, position: Position) -> int:
        """How far `position` is behind what was read of its log; 0 where it may be of a log that is gone."""
        known = self.view.position_of(position.partition)
        if known is None or known.incarnation != position.incarnation:
            return 0
        return 0 if self._history.may_have_lost(position.partition) else position.number - known.number

    async def catch_up(self, partition: int) -> None:
        """Read `partition` to its end; raises `RevocationViewStaleError` where the store does not answer.

        Callers share a read that is under way.
        """
        await _answered(self._reads.share(partition))

    async def catch_up_anew(self, partition: int) -> None:
        """Do the same with a read that is sent after this was called: what was revoked by then is in it.

        Where the store has replicas, one of them acknowledges a write that is sent after this was called too.
        """
        await _answered(self._reads.share_next(partition))
        await _answered(self._primacy.confirm(partition))

    async def poll(self, *, interval_seconds: float) -> None:
        """Read every partition, again and again, until cancelled."""
        rounds = Rounds(self.catch_up)
        with rounds.ended_at_last():
            while True:
                self._report(await rounds.go(self.partitions))
                # A log that is far behind is trimmed without a pause, and read between any two steps.
                is_behind = await self._housekeeping.step()
                await asyncio.sleep(0 if is_behind else interval_seconds)

    def _report(self, results: dict[int, BaseException | None]) -> None:
        """Tell when partitions cease to be readable, and when all are again."""
        failures = {partition: failure for partition, failure in results.items() if failure is not None}
        for failure in failures.values():
            if not isinstance(failure, RevocationViewStaleError):
                self._logger.error("the revocation log cannot be read", failure=type(failure).__name__)
        were_readable = not self._unreadable
        now = self._clock.steady()
        self._unreadable = {
            partition: self._unreadable.get(partition, now)
            for partition in self.partitions
            if partition in failures or (partition in self._unreadable and partition not in results)
        }
        if were_readable and self._unreadable:
            self._logger.warning(
                "revocations unreadable, answers go on for a while",
                max_staleness_seconds=self.max_staleness_seconds,
                partitions=sorted(self._unreadable),
            )
        if not were_readable and not self._unreadable:
            self._logger.info("revocations readable again")

    async def _read(self, partition: int) -> None:
        if self._loader and self.view.position_of(partition) is None:
            await self._loader.load(partition)
        reached_head = False
        while not reached_head:
            sent, own = self._clock.steady(), self._own.unread(partition)
            page = await self._log_store.read(partition, self.view.position_of(partition))
            self._primacy.take(partition, page)
            self._clocks.compare(partition, page.store_ms, sent=sent)
            await self._history.follow(partition, page)
            self.loss.take(partition, page)
            if page.broken_by:
                self._begin_anew(partition, page.broken_by)
            self._apply(page)
            self._behind[partition] = page.behind
            reached_head = page.reached_head
        self._miss(partition, self._own.take_lost(partition, own))
        if self._primacy.stands(partition, sent):
            self.view.renew(partition, fresh_until=sent + self.max_staleness_seconds)

    def _begin_anew(self, partition: int, broken_by: Break) -> None:
        """The log does not go on where it was read to; what is known stays, and may be missing there."""
        self.resyncs[partition] = Resync(broken_by, self._clock.now())
        if broken_by.loses:
            self.view.doubt(partition)

    def _apply(self, page: LogPage) -> None:
        """Take in what the log has; it goes on where it was read to, or begins anew."""
        for revocation in page.revocations:
            self.view.apply(page.position.partition, revocation)
        self._own.read(page.position.partition, page.revocations)
        self.view.advance(page.position)
        self.events.follow(page)
        self._housekeeping.pack()

    def _miss(self, partition: int, lost: set[bytes]) -> None:
        if lost:
            self._logger.error(
                "the store has lost what was revoked here", partition=partition, count=len(lost)
            )
            self._telemetry.store_regressed()
            self.view.doubt(partition, lost)


async def _answered(read: Awaitable[None]) -> None:
    try:
        await read
    except StoreUnavailableError as error:
        raise RevocationViewStaleError from error
