"""Those who wait for news are woken, all of them, and others go on meanwhile."""

from __future__ import annotations

import asyncio

from sessiond_server.service.revocation.waiters import Waiters


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_who_wait_are_woken_and_others_go_on_between() -> None:
    waiters, order = Waiters(), list[str]()

    async def watcher() -> None:
        await waiters.wait(at_most=60)
        order.append("watcher")

    async def call() -> None:
        order.append("call")

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(watcher())
        await asyncio.sleep(0)
        waiters.wake_all()
        await asyncio.sleep(0)
        group.create_task(call())
    assert len(order) == 101
    assert order.index("call") < 50


async def test_who_waits_again_is_not_woken_by_what_it_knows() -> None:
    waiters = Waiters()
    first = asyncio.create_task(waiters.wait(at_most=60))
    await asyncio.sleep(0)
    waiters.wake_all()
    await first
    second = asyncio.create_task(waiters.wait(at_most=60))
    await settled()
    assert not second.done()
    waiters.wake_all()
    async with asyncio.timeout(30):
        await second


async def test_news_while_some_are_still_being_woken_reaches_who_waits_again() -> None:
    waiters = Waiters()
    slow = [asyncio.create_task(waiters.wait(at_most=60)) for _ in range(40)]
    await asyncio.sleep(0)
    waiters.wake_all()
    again = asyncio.create_task(waiters.wait(at_most=60))
    await asyncio.sleep(0)
    waiters.wake_all()
    waiters.wake_all()
    assert len(waiters._due) <= len(slow) + 1
    async with asyncio.timeout(30):
        await asyncio.gather(*slow, again)


async def test_nobody_waits_for_longer_than_it_wants() -> None:
    waiters = Waiters()
    async with asyncio.timeout(30):
        await waiters.wait(at_most=0)
    waiters.wake_all()
    await settled()
    assert waiters._waking is None


async def test_one_that_leaves_is_not_waited_for() -> None:
    waiters = Waiters()
    left = asyncio.create_task(waiters.wait(at_most=60))
    stays = asyncio.create_task(waiters.wait(at_most=60))
    await asyncio.sleep(0)
    left.cancel()
    waiters.wake_all()
    async with asyncio.timeout(30):
        await stays
