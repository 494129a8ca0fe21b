"""The work beside the calls: none of it ends unseen."""

from __future__ import annotations

import asyncio
import gc

from sessiond_server.app.background import background, unseen_failures
from tests.support.fakes import RecordingLogger

SECRET = "telling-token"


async def test_work_that_fails_is_told_and_begun_again() -> None:
    begun, again, logger = 0, asyncio.Event(), RecordingLogger()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise ValueError(SECRET)
        again.set()
        await asyncio.Event().wait()

    async with background("some work", work, logger=logger, restart_seconds=0):
        async with asyncio.timeout(5):
            await again.wait()
    said = logger.said("work in the background failed, it begins again")
    assert [(line["work"], line["failure"]) for line in said] == [("some work", "ValueError")]
    assert SECRET not in str(said)


async def test_work_that_loses_a_cancellation_is_cancelled_again() -> None:
    lost = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        async with background("some work", work, logger=RecordingLogger()):
            await asyncio.sleep(0)
    assert lost.is_set()


async def test_what_nobody_waited_for_is_told_without_its_text() -> None:
    loop, logger = asyncio.get_running_loop(), RecordingLogger()

    async def failing() -> None:
        raise ValueError(SECRET)

    former = loop.get_exception_handler()
    loop.set_exception_handler(unseen_failures(logger))
    try:
        await asyncio.wait([loop.create_task(failing())])
        gc.collect()
    finally:
        loop.set_exception_handler(former)
    assert logger.lines == [("error", "something failed that nobody waited for", {"failure": "ValueError"})]
