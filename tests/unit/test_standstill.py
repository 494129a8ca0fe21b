"""A process that stood still: what may have lain in its sockets meanwhile changes no session."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.transport.admission.standstill import Standstill
from sessiond_server.transport.engine.port import Call, Status, StatusCode
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.methods import pipeline, rows, stream, unary
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOLD = "this process stood still"


class World:
    """A process that is watched, or not, and whose calls would change a session."""

    def __init__(self) -> None:
        self.clock, self.logger, self.telemetry = FakeClock(), RecordingLogger(), RecordingTelemetry()
        self.standstill = Standstill(clock=self.clock, telemetry=self.telemetry, logger=self.logger)
        self.through = pipeline(standstill=self.standstill)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """The watch is on, and looks only when it is waited for."""
        watch = asyncio.create_task(self.standstill.watch())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def ticks(self) -> None:
        """The watch has looked."""
        looks = len(self.telemetry.of("loop_delayed"))
        await eventually(lambda: len(self.telemetry.of("loop_delayed")) > looks)

    async def call(self, *, changes_sessions: bool = True) -> Any:
        serve = unary(answered, changes_sessions=changes_sessions, through=self.through)
        return await serve(b"", Call("M"))


async def answered(_request: Any, _call: Call) -> bytes:
    return b"done"


async def answered_stream(_request: Any, _call: Call) -> AsyncIterator[bytes]:
    yield b"done"


def is_refused(response: Any) -> bool:
    return (
        isinstance(response, Status)
        and (response.code, response.reason) == (StatusCode.UNAVAILABLE, "OVERLOADED")
        and bool(response.retry_after_seconds)
    )


@pytest.fixture
def world() -> World:
    return World()


async def test_a_call_that_is_handed_over_before_the_watch_goes_on_is_refused(world: World) -> None:
    async with world.watched():
        assert await world.call() == b"done"
        world.clock.at += 1.01
        assert is_refused(await world.call())
        assert world.telemetry.of("loop_delayed") == []


async def test_a_call_behind_the_watch_is_refused_too(world: World) -> None:
    async with world.watched():
        world.clock.at += 1.01
        await world.ticks()
        assert is_refused(await world.call())


async def test_calls_are_taken_again_after_a_fifth_of_a_second(world: World) -> None:
    async with world.watched():
        world.clock.at += 30
        assert is_refused(await world.call())
        world.clock.at += 0.19
        assert is_refused(await world.call())
        world.clock.at += 0.02
        assert await world.call() == b"done"


async def test_a_second_is_no_standstill(world: World) -> None:
    async with world.watched():
        for _ in range(3):
            world.clock.at += 1.0
            assert await world.call() == b"done"
    assert world.logger.lines == []


async def test_a_stream_that_changes_sessions_is_refused_and_a_call_that_reads_is_not(world: World) -> None:
    async with world.watched():
        world.clock.at += 12
        assert await world.call(changes_sessions=False) == b"done"
        served = stream(answered_stream, changes_sessions=True, through=world.through)(b"", Call("M"))
        assert [is_refused(response) for response in [one async for one in served]] == [True]


async def test_it_is_told_and_counted_once(world: World) -> None:
    async with world.watched():
        world.clock.at += 12.3456
        for _ in range(3):
            await world.call()
        await world.ticks()
    assert world.logger.lines == [("warning", TOLD, {"seconds": 12.346})]
    assert world.telemetry.of("stood_still") == [(pytest.approx(12.3456),)]


async def test_while_nobody_watches_nothing_is_known(world: World) -> None:
    """The watch has not begun, or has failed and begins again later: that is no standstill."""
    for _ in range(2):
        world.clock.at += 60
        assert await world.call() == b"done"
        world.clock.at += 60
        assert await world.call() == b"done"
        async with world.watched():
            assert await world.call() == b"done"
    assert world.logger.lines == []


def test_what_changes_sessions_is_known_of_each_method() -> None:
    assert {name for name, row in rows().items() if row.changes_sessions} == {
        "CreateSession",
        "RefreshSession",
        "RevokeSession",
    }
