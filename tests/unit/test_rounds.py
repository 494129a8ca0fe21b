"""The same for many partitions, again and again."""

from __future__ import annotations

import asyncio

from sessiond_server.service.revocation.rounds import Rounds
from tests.support.waiting import eventually


async def test_one_that_takes_long_keeps_no_other_waiting() -> None:
    done, hangs = [], asyncio.Event()

    async def work(partition: int) -> None:
        if partition == 1:
            await hangs.wait()
        done.append(partition)

    rounds = Rounds(work)
    with rounds.ended_at_last():
        for _ in range(3):
            assert set(await rounds.go([0, 1, 2])) == {0, 2}
        # It is not begun anew while it is at it.
        hangs.set()
        await eventually(lambda: 1 in done)
        assert set(await rounds.go([])) == {1}
        assert sorted(done) == [0, 0, 0, 1, 2, 2, 2]


async def test_how_it_ended_is_told_of_each() -> None:
    async def work(partition: int) -> None:
        if partition:
            raise ValueError

    ended = await Rounds(work).go([0, 1])
    assert ended[0] is None
    assert isinstance(ended[1], ValueError)


async def test_nothing_goes_on_behind_the_end() -> None:
    cancelled = asyncio.Event()

    async def work(_: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    rounds = Rounds(work)
    with rounds.ended_at_last():
        assert await rounds.go([0]) == {}
    await asyncio.wait_for(cancelled.wait(), 5)
