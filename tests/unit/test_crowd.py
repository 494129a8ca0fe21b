"""Counts of calls in one state, by the tasks that serve them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessiond_server.transport.engine.crowd import Crowd, CrowdByPeer, Hurry, Silent
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Tasks:
    """Tasks that each enter somewhere and then stay until a test ends them."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    async def enter(self, enter: Callable[[], bool]) -> bool:
        entered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def stay() -> None:
            entered.set_result(enter())
            await asyncio.Event().wait()

        self.tasks.append(asyncio.create_task(stay()))
        return await entered

    async def end(self, number: int = 0) -> None:
        task = self.tasks.pop(number)
        task.cancel()
        await asyncio.wait([task])


async def test_a_crowd_takes_so_many_and_another_one_when_one_has_ended() -> None:
    crowd, tasks = Crowd(2), Tasks()
    assert [await tasks.enter(crowd.enter) for _ in range(3)] == [True, True, False]
    assert len(crowd) == 2
    await tasks.end()
    assert await tasks.enter(crowd.enter)


async def test_whose_message_has_come_is_silent_no_more() -> None:
    silent, tasks = Silent(1, lost_at_most=1, lost_seconds=60), Tasks()
    assert silent.enter()
    assert not await tasks.enter(silent.enter)
    silent.leave()
    assert await tasks.enter(silent.enter)


async def end_without_a_message(silent: Silent) -> None:
    assert silent.enter()


async def test_calls_that_ended_without_a_message_are_counted() -> None:
    silent = Silent(9, lost_at_most=1, lost_seconds=60)
    await asyncio.create_task(end_without_a_message(silent))
    await eventually(lambda: not silent.enter())


async def test_calls_that_ended_without_a_message_are_forgotten_in_time() -> None:
    silent = Silent(9, lost_at_most=1, lost_seconds=0)
    await asyncio.create_task(end_without_a_message(silent))
    await asyncio.sleep(0)
    await eventually(silent.enter)


async def test_a_call_that_its_caller_has_cancelled_is_not_lost() -> None:
    silent, tasks = Silent(9, lost_at_most=1, lost_seconds=60), Tasks()
    assert await tasks.enter(silent.enter)
    await tasks.end()
    assert silent.enter()


async def test_a_call_that_ended_after_its_message_is_not_lost() -> None:
    silent = Silent(9, lost_at_most=1, lost_seconds=60)

    async def serve() -> None:
        assert silent.enter()
        silent.leave()

    await asyncio.create_task(serve())
    assert silent.enter()


async def test_a_peer_has_a_share_and_all_have_a_bound() -> None:
    crowd, tasks = CrowdByPeer(3, of_each_peer=2), Tasks()
    peers = ["a", "a", "a", "b", "c"]
    assert [await tasks.enter(lambda peer=peer: crowd.enter(peer)) for peer in peers] == [
        True,
        True,
        False,
        True,
        False,
    ]
    await tasks.end()
    assert await tasks.enter(lambda: crowd.enter("a"))
    assert len(crowd) == 3


async def test_what_was_refused_takes_nothing_of_a_share() -> None:
    crowd, tasks = CrowdByPeer(1, of_each_peer=1), Tasks()
    assert await tasks.enter(lambda: crowd.enter("a"))
    assert not await tasks.enter(lambda: crowd.enter("b"))
    await tasks.end()
    assert await tasks.enter(lambda: crowd.enter("b"))


async def test_a_peer_that_has_gone_is_forgotten() -> None:
    crowd, tasks = CrowdByPeer(9, of_each_peer=2), Tasks()
    for peer in "abaabb":
        await tasks.enter(lambda peer=peer: crowd.enter(peer))
    while tasks.tasks:
        await tasks.end()
    assert (len(crowd), dict(crowd._by_peer)) == (0, {})


async def test_peers_of_a_unix_socket_are_not_told_apart() -> None:
    crowd, tasks = CrowdByPeer(3, of_each_peer=1), Tasks()
    assert [await tasks.enter(lambda: crowd.enter("unix:")) for _ in range(4)] == [True, True, True, False]


async def in_a_hurry(hurry: Hurry, wait: Callable[[], Awaitable[object]], *, who: str = "anyone") -> str:
    try:
        async with hurry.hurried(who):
            await wait()
    except TimeoutError:
        return "late"
    return "in time"


async def test_the_oldest_of_too_many_has_to_go() -> None:
    hurry, there = Hurry(2, seconds=60), asyncio.Event()
    calls = [asyncio.create_task(in_a_hurry(hurry, there.wait)) for _ in range(3)]
    assert await calls[0] == "late"
    assert len(hurry) == 2
    there.set()
    assert await asyncio.gather(*calls[1:]) == ["in time", "in time"]
    assert len(hurry) == 0


async def test_an_oldest_whose_time_is_over_already_is_not_told_to_go() -> None:
    hurry = Hurry(1, seconds=0)
    outcomes = await asyncio.gather(*(in_a_hurry(hurry, asyncio.Event().wait) for _ in range(50)))
    assert outcomes == ["late"] * 50
    expiring = Hurry(1, seconds=60)
    async with asyncio.timeout(0) as over:
        expiring._of["anyone"] = OrderedDict({0: over})
        expiring._count = 1
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert over.expired()
        assert await in_a_hurry(expiring, partial(asyncio.sleep, 0)) == "in time"


async def test_whoever_has_the_most_has_to_make_room() -> None:
    hurry, there = Hurry(3, seconds=60), asyncio.Event()
    few = asyncio.create_task(in_a_hurry(hurry, there.wait, who="few"))
    many = [asyncio.create_task(in_a_hurry(hurry, there.wait, who="many")) for _ in range(5)]
    assert await asyncio.gather(*many[:3]) == ["late"] * 3
    assert len(hurry) == 3
    there.set()
    assert await asyncio.gather(few, *many[3:]) == ["in time"] * 3
    assert (len(hurry), hurry._of) == (0, {})


async def test_who_is_late_has_to_go() -> None:
    hurry = Hurry(2, seconds=0)
    assert await in_a_hurry(hurry, asyncio.Event().wait) == "late"


async def test_who_is_cancelled_is_not_late() -> None:
    hurry = Hurry(2, seconds=60)
    call = asyncio.create_task(in_a_hurry(hurry, asyncio.Event().wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert len(hurry) == 0
