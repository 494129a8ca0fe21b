"""Calls that wait for another's exchange: one asks for all, and nobody is in the others' way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sessiond_server.domain.failures import ProviderUnavailableError, StoreUnavailableError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.sessions.lease_queues import MAX_WAITING, MAX_WAITING_FOR_ONE, LeaseQueues
from tests.support.fakes import FakeClock
from tests.support.waiting import eventually

SESSION, OTHER = SessionId(bytes(16)), SessionId(bytes([1] * 16))
PATIENCE_SECONDS = 10.0


class World:
    """Queues whose pauses end when a test says so, and a store that keeps who asks it, how many at once."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queues = LeaseQueues(clock=self.clock, pause=self._pause)
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.is_free = False
        self.pauses: list[float] = []
        self._go_on = asyncio.Event()

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self._go_on.wait()
        self._go_on.clear()
        self.clock.at += seconds

    async def pass_pause(self) -> None:
        """End the pause that is under way, and come back in the next one, or when nobody pauses any more."""
        pauses = len(self.pauses)
        self._go_on.set()
        await eventually(lambda: len(self.pauses) > pauses or not len(self.queues))

    async def ask(self, name: str) -> str | None:
        self.asked.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return f"answer to {name}" if self.is_free else None

    def wait(
        self, name: str, *, session: SessionId = SESSION, seconds: float = PATIENCE_SECONDS
    ) -> asyncio.Task[str]:
        give_up = self.clock.at + seconds
        return asyncio.create_task(self.queues.wait(session, lambda: self.ask(name), give_up=give_up))

    async def waiting(self, number: int) -> None:
        await eventually(lambda: len(self.queues) == number and self.pauses)


async def leave(*calls: asyncio.Task[str]) -> None:
    for call in calls:
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call


async def test_one_asks_for_all_and_then_each_asks_once() -> None:
    world = World()
    calls = [world.wait(str(number)) for number in range(50)]
    await world.waiting(50)
    for _ in range(3):
        await world.pass_pause()
    assert world.asked == ["0"] * 4
    world.is_free = True
    await world.pass_pause()
    assert await asyncio.gather(*calls) == [f"answer to {number}" for number in range(50)]
    assert len(world.asked) == 4 + 50
    assert world.most_at_once == 1
    assert len(world.queues) == 0


async def test_one_that_leaves_takes_the_asking_from_nobody() -> None:
    world = World()
    first, second, third = (world.wait(name) for name in ("first", "second", "third"))
    await world.waiting(3)
    await leave(second, first)
    await eventually(lambda: world.asked == ["first", "third"])
    world.is_free = True
    await world.pass_pause()
    assert await third == "answer to third"


async def test_one_whose_question_fails_fails_alone() -> None:
    world = World()

    async def fail() -> None:
        raise StoreUnavailableError

    first = asyncio.create_task(world.queues.wait(SESSION, fail, give_up=world.clock.at + 1))
    second = world.wait("second")
    world.is_free = True
    with pytest.raises(StoreUnavailableError):
        await first
    assert await second == "answer to second"


async def test_everybody_has_patience_of_their_own() -> None:
    world = World()
    patient, hasty = world.wait("patient"), world.wait("hasty", seconds=0.01)
    with pytest.raises(ProviderUnavailableError):
        await hasty
    assert not patient.done()
    world.clock.at += PATIENCE_SECONDS
    world._go_on.set()
    with pytest.raises(ProviderUnavailableError):
        await patient
    assert len(world.queues) == 0


async def test_pauses_grow_and_never_outlast_the_patience() -> None:
    world = World()
    call = world.wait("call", seconds=1.5)
    await world.waiting(1)
    while not call.done():
        await world.pass_pause()
    assert world.pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.4, 0.35])
    with pytest.raises(ProviderUnavailableError):
        await call


async def test_sessions_do_not_wait_for_each_other() -> None:
    world = World()
    call = world.wait("call")
    await world.waiting(1)
    world.is_free = True
    assert await world.wait("other", session=OTHER) == "answer to other"
    assert not call.done()
    await leave(call)


async def test_so_many_wait_for_one_session_and_no_more() -> None:
    world = World()
    calls = [world.wait(str(number)) for number in range(MAX_WAITING_FOR_ONE)]
    await world.waiting(MAX_WAITING_FOR_ONE)
    with pytest.raises(ProviderUnavailableError):
        await world.wait("one too many")
    assert "one too many" not in world.asked
    await leave(calls.pop())
    calls.append(world.wait("in its place"))
    await world.waiting(MAX_WAITING_FOR_ONE)
    await leave(*calls)
    assert len(world.queues) == 0


async def test_so_many_wait_in_all_and_no_more() -> None:
    world = World()
    sessions = [SessionId(bytes(15) + bytes([number])) for number in range(MAX_WAITING + 1)]
    calls = [world.wait("call", session=session) for session in sessions[:-1]]
    await world.waiting(MAX_WAITING)
    with pytest.raises(ProviderUnavailableError):
        await world.wait("one too many", session=sessions[-1])
    await leave(*calls)
    assert len(world.queues) == 0
