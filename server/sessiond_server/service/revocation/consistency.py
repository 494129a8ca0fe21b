"""Brings the knowledge of revocations to where a call demands it to be, before the call is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final, assert_never

from sessiond_server.domain.consistency import AtLeastAsFresh, Consistency, FullyConsistent
from sessiond_server.domain.failures import (
    Input,
    InputRefusedError,
    OverloadedError,
    RevocationViewStaleError,
)
from sessiond_server.domain.revocation import Position
from sessiond_server.service.revocation.follow import Revocations

WAIT_SECONDS: Final = 1.0
MAX_WAITING: Final = 1000


class RequiredConsistency:
    """Waits until the view is as a call demands it, in those partitions that its tokens need.

    At most `max_waiting` calls wait for a revision at a time, each for at most `wait_seconds`.
    """

    def __init__(
        self, revocations: Revocations, *, wait_seconds: float = WAIT_SECONDS, max_waiting: int = MAX_WAITING
    ) -> None:
        self._revocations = revocations
        self._wait_seconds = wait_seconds
        self._max_waiting = max_waiting
        self._waiting = 0

    async def reach(self, consistency: Consistency, partitions: Collection[int]) -> None:
        """Return once the view of `partitions` is as `consistency` demands.

        A position that is in none of them is passed over, as no token needs it.

        Raises:
            InputRefusedError: the revision is beyond the log's end, and no log was lost that it may be from.
            OverloadedError: too many calls wait for a revision.
            RevocationViewStaleError: the store does not answer, or not in time.
        """
        match consistency:
            case FullyConsistent():
                await asyncio.gather(*map(self._revocations.catch_up_anew, partitions))
            case AtLeastAsFresh(positions):
                missing = [one for one in positions if one.partition in partitions]
                missing = [one for one in missing if not self._is_known(one)]
                if missing:
                    await self._wait_for(missing)
            case _ as never:
                assert_never(never)

    async def _wait_for(self, positions: Collection[Position]) -> None:
        if self._waiting >= self._max_waiting:
            raise OverloadedError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await asyncio.gather(*map(self._read_up_to, positions))
        except TimeoutError as error:
            raise RevocationViewStaleError from error
        finally:
            self._waiting -= 1

    def _is_known(self, position: Position) -> bool:
        """Whether nothing is to be waited for: numbers say little of a log that was replaced just now."""
        return self._revocations.has_read(position) and not self._revocations.may_lack(position)

    async def _read_up_to(self, position: Position) -> None:
        is_read = await self._revocations.read_up_to(position)
        if self._revocations.may_lack(position):
            if is_read and await self._revocations.has(position):
                return
            # It is of a log that is gone, and some of what that had is known to others alone as yet.
            raise RevocationViewStaleError
        if is_read:
            return
        beyond = self._revocations.entries_beyond_end(position)
        if beyond:
            raise InputRefusedError(
                Input.REVISION,
                found=f"a revision {beyond} entries beyond the end of the revocation log",
                allowed="a revision that sessiond returned",
            )
        # It is of a log that went long ago. The one in its place was read to its end after the call came.
