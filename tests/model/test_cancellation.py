"""A call that is cancelled, or whose deadline comes, at any of its awaits: nothing leaks or gets out of step.

A deadline is a cancellation too: the engine cancels the handler of a call whose time is over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessiond.v1 import session_service_pb2 as pb
from sessiond_server.transport.engine.port import Status
from tests.support.session_model.attempts import SERVER
from tests.support.session_model.driver import Driver
from tests.support.session_model.stage import CALLERS, Stage, running_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterator

    from tests.support.session_model.families import Family

METHODS: Final = ("create", "refresh", "wait for a lease", "revoke", "revoke a subject")
GAUGES: Final = {"calls_in_flight", "refreshes_waiting"}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("c")) as found:
        yield found


@pytest.fixture
def driver(stage: Stage) -> Iterator[Driver]:
    found = Driver(stage)
    found.world.is_direct = True
    yield found
    found.close()


class CancelledAt:
    """Does some work, whose task is cancelled where it waits for the `number`th time."""

    def __init__(self, work: Coroutine[Any, Any, Any], number: int) -> None:
        self._work = work
        self.left = number

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Any = self._work.send
        value: Any = None
        while True:
            try:
                waited_for = step(value)
            except StopIteration as done:
                return done.value
            self.left -= 1
            task = asyncio.current_task()
            if self.left == 0 and task:
                task.cancel()
            try:
                value, step = (yield waited_for), self._work.send
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the work's
                value, step = error, self._work.throw


async def call(driver: Driver, method: str, request: Any, *, at: int = 0) -> Any:
    """The answer of one of the servers."""
    server = driver.world.servers[at]
    SERVER.set(server)
    return await server.call(method, request, key=driver.stage.keys[CALLERS[0]])


async def is_reached(driver: Driver, work: Coroutine[Any, Any, Any], number: int) -> bool:
    """Whether it waits so often, and was cancelled then; it may be over all the same, or not begun."""
    cancelled = CancelledAt(work, number)

    async def all_of_it() -> Any:
        return await cancelled

    task = asyncio.create_task(all_of_it())
    await driver.world.settled()
    if not task.done():
        # It waits for time to pass, as who queues up for a lease does.
        await driver.world.pass_time(400)
    (found,) = await asyncio.gather(task, return_exceptions=True)
    await driver.world.settled()
    assert isinstance(found, asyncio.CancelledError) or not isinstance(found, BaseException), found
    return cancelled.left <= 0


def request_of(method: str, family: Family) -> tuple[str, Any]:
    """The call that is cancelled."""
    token = family.tokens[max(family.tokens)]
    match method:
        case "create":
            return "CreateSession", pb.CreateSessionRequest(local_login=pb.LocalLogin(subject="carol"))
        case "refresh" | "wait for a lease":
            return "RefreshSession", pb.RefreshSessionRequest(refresh_token=token)
        case "revoke":
            return "RevokeSession", pb.RevokeSessionRequest(refresh_token=token)
        case _:
            subject = pb.Subject(issuer=family.issuer, subject=family.subject)
            return "RevokeSession", pb.RevokeSessionRequest(subject=subject)


async def nothing_is_left(driver: Driver) -> None:
    """No work, no connection in use, no call in flight, no place in a queue."""
    for client in driver.world.clients.values():
        assert not client.connection_pool._in_use_connections
    for server in driver.world.servers:
        assert not server.tasks
        shown = server.telemetry.of("gauge")
        assert {name: read() for name, _, read in shown if name in GAUGES and read()} == {}


async def everybody_gets_their_own(driver: Driver, others: list[Family]) -> None:
    """Answers that were out of step would be somebody else's."""
    requests = [pb.GetSessionRequest(session_id=one.session) for one in others]
    for at in (0, 1):
        answers = await asyncio.gather(*(call(driver, "GetSession", one, at=at) for one in requests))
        assert [one.session.session.session_id for one in answers] == [one.session for one in others]


@pytest.mark.parametrize("is_provider", [False, True], ids=["local", "provider"])
@pytest.mark.parametrize("method", METHODS)
def test_a_call_that_is_cancelled_leaves_nothing_behind(
    driver: Driver,
    method: str,
    is_provider: bool,  # noqa: FBT001
) -> None:
    if method == "wait for a lease" and not is_provider:
        pytest.skip("sessions of the local issuer have no leases")
    driver.do(cancelled_at_every_await(driver, method, is_provider=is_provider))


async def cancelled_at_every_await(driver: Driver, method: str, *, is_provider: bool) -> None:
    world = driver.world
    for subject in ("dave", "erin", "frank"):
        await driver.open(world.servers[0], is_provider=is_provider, subject=subject)
    others = list(driver.witness.families.values())
    number, goes_on = 0, True
    while goes_on:
        number += 1
        await driver.open(world.servers[0], is_provider=is_provider, subject="alice")
        family = list(driver.witness.families.values())[-1]
        name, request = request_of(method, family)
        ahead = None
        if method == "wait for a lease":
            ahead = asyncio.create_task(call(driver, name, request, at=1))
            await asyncio.sleep(0)
        goes_on = await is_reached(driver, call(driver, name, request), number)
        if ahead:
            assert not isinstance(await ahead, Status)
        await nothing_is_left(driver)
        await everybody_gets_their_own(driver, others)
        again = await call(driver, name, request, at=1)
        assert not isinstance(again, Status), again
        if name == "RefreshSession":
            onward = pb.RefreshSessionRequest(refresh_token=again.tokens.refresh_token)
            assert not (await call(driver, name, onward)).replayed
    assert number > 1
