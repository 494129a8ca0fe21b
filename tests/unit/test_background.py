"""What fails beside the calls and their work is told too."""

from __future__ import annotations

import asyncio
import gc

from sessiond_server.app.background import unseen_failures
from tests.support.fakes import RecordingLogger

SECRET = "telling-token"


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
