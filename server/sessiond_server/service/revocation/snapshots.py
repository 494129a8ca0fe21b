"""Snapshots of the view: a server that starts reads the last one and the log behind it."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Final

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.packed_loading import PackedLoading
from sessiond_server.domain.revocation import ENTRY, Position
from sessiond_server.domain.view import RevocationView
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.revocations import RevocationLog
from sessiond_server.service.storage.snapshots import Snapshot, Snapshots

# How often it is looked whether one is due, and by how many entries the last one may be behind: what one read
# of the log brings.
SAVED_EVERY_SECONDS: Final = 60.0
MAX_BEHIND: Final = 1000
# One that is kept for no longer than this is written anew; it was kept for twice as long.
_RENEWED_BELOW_MS: Final = 1_800_000
# A part is less than a mebibyte, and many of them are no burden to anybody who waits in the same lane.
_ENTRIES_A_PART: Final = 8192
# How many parts are being read while one is taken in: enough that neither waits for the other for long.
_PARTS_AHEAD: Final = 1


class SnapshotLoader:
    """Takes a snapshot into a view that knows nothing of its partition yet."""

    def __init__(
        self, view: RevocationView, snapshots: Snapshots, log_store: RevocationLog, *, logger: Logger
    ) -> None:
        self._view = view
        self._snapshots = snapshots
        self._log_store = log_store
        self._logger = logger

    async def load(self, partition: int) -> None:
        """Load the last snapshot, if there is one that the log goes on from; else the log has everything.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        snapshot = await self._snapshots.find(partition)
        if snapshot is None or not (await self._log_store.read(partition, snapshot.position)).continues:
            return
        loading = self._view.load(partition, expected=len(snapshot.digests) * _ENTRIES_A_PART)
        if loading is None:
            return
        is_whole = False
        try:
            is_whole = await self._take_in(snapshot, loading)
            if is_whole:
                self._view.loaded(partition)
                self._view.advance(snapshot.position)
        except OSError:
            self._logger.error("there is no room for a snapshot of revocations")
        finally:
            if not is_whole:
                self._view.abandon(partition)
                self._logger.warning("the snapshot of revocations is of no use", partition=partition)

    async def _take_in(self, snapshot: Snapshot, loading: PackedLoading) -> bool:
        """Take every part in; False where one is not there any more, or is not in its order."""
        async with aclosing(self._parts(snapshot)) as parts:
            async for entries in parts:
                if entries is None:
                    return False
                try:
                    loading.add(entries)
                except ValueError:
                    return False
        return True

    async def _parts(self, snapshot: Snapshot) -> AsyncGenerator[bytes | None]:
        """The parts, each of which is read while the one before is taken in."""
        reads: deque[asyncio.Task[bytes | None]] = deque()
        try:
            for number in range(len(snapshot.digests)):
                reads.append(asyncio.create_task(self._snapshots.read(snapshot, number)))
                if len(reads) > _PARTS_AHEAD:
                    yield await reads.popleft()
            while reads:
                yield await reads.popleft()
        finally:
            for read in reads:
                read.cancel()


class SnapshotKeeper:
    """Writes a snapshot of each partition now and then: of all servers whoever comes first."""

    def __init__(
        self,
        view: RevocationView,
        snapshots: Snapshots,
        log_store: RevocationLog,
        *,
        logger: Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._view = view
        self._snapshots = snapshots
        self._log_store = log_store
        self._logger = logger
        self._sleep = sleep

    async def keep_up(self) -> None:
        """Look again and again whether a snapshot is due, until cancelled."""
        while True:
            # Servers that were started together do not look together.
            await self._sleep(SAVED_EVERY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            for partition in self._log_store.partitions():
                try:
                    await self.save(partition)
                except StoreUnavailableError:
                    self._logger.warning("no snapshot of revocations was written, the store did not answer")
                except OSError:
                    self._logger.error("the file of revocations cannot be read")

    async def save(self, partition: int) -> bool:
        """Write a snapshot if one is due and nobody else writes one; whether that was done.

        Raises:
            StoreUnavailableError: the store did not answer; the former snapshot stays.
            OSError: what is packed cannot be read.
        """
        at, former = self._view.position_of(partition), await self._snapshots.find(partition)
        if at is None or not await self._is_due(at, former):
            return False
        writer = await self._snapshots.begin(partition, former=former)
        if writer is None or _id_of(former) != _id_of(await self._snapshots.find(partition)):
            # Somebody writes one, or has written it before we had the right to.
            return False
        at, pieces = self._view.position_of(partition), self._view.entries_of(partition)
        for part in _parts(pieces):
            if part and not await writer.add(part):
                return False
            await self._sleep(0)
        return at is not None and await writer.finish(at)

    async def _is_due(self, at: Position, former: Snapshot | None) -> bool:
        if at.number <= MAX_BEHIND or self._view.lacks_room:
            return False
        if former is None or former.life_ms <= _RENEWED_BELOW_MS:
            return True
        behind = await self._log_store.read(at.partition, former.position)
        return not behind.continues or at.number - former.position.number > MAX_BEHIND


def _id_of(snapshot: Snapshot | None) -> bytes | None:
    return snapshot.id if snapshot else None


def _parts(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same in parts of a size, with an empty one where somebody else may have a turn."""
    held, size = b"", _ENTRIES_A_PART * ENTRY.size
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
        yield b""
    yield held
