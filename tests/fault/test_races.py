"""A revocation against refreshes of one session, at two servers: none succeeds once it is acknowledged."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from sessiond import RefreshRefusedError, Rejection, UnavailableError
from tests.support.before_provider import BeforeProvider, before_provider
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sessiond import Tokens
    from tests.support.refreshes_once import RefreshesOnce

T = TypeVar("T")
SIDE_BY_SIDE: Final = 10
# How many refreshes a race has, at the most; the revocation comes in the middle of them.
LAPS: Final = 40


@pytest.fixture(scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BeforeProvider]:
    directory: Path = tmp_path_factory.mktemp("r")
    async with before_provider(directory, servers=2) as found:
        yield found


@dataclass
class Race:
    """One session, which is refreshed at one server and revoked at another."""

    runner: RefreshesOnce
    revoker: RefreshesOnce
    revoke_after: int
    won: list[Tokens] = field(default_factory=list)
    refusal: str = ""
    is_revoked: bool = False
    late: int = 0

    async def run(self, opened: Tokens) -> None:
        self.won.append(opened)
        done = asyncio.create_task(self._refresh_on())
        await eventually(lambda: len(self.won) > self.revoke_after or done.done())
        await self.revoker.revoke_session(opened.session.session_id)
        self.is_revoked = True
        await done

    async def _refresh_on(self) -> None:
        while len(self.won) <= LAPS:
            was_revoked = self.is_revoked
            try:
                self.won.append(await self.runner.refresh(self.won[-1].refresh_token))
            except UnavailableError as error:
                require_busy(error)
                continue
            except RefreshRefusedError as error:
                self.refusal = error.reason
                return
            self.late += was_revoked


def require_busy(error: UnavailableError) -> None:
    """A busy store may be too late with its answer: nothing is decided then; all else is a failure."""
    if error.reason not in {"STORE_UNAVAILABLE", "REVOCATION_VIEW_STALE"}:
        raise error


async def decided(call: Callable[[], Awaitable[T]]) -> T:
    """What comes of a call, which is made until the store has answered it."""
    while True:
        try:
            return await call()
        except UnavailableError as error:
            require_busy(error)


async def raced(two: BeforeProvider, number: int, *, is_provider: bool) -> Race:
    chance = random.Random(number)
    runner, revoker = two.clients if number % 2 else reversed(two.clients)
    race = Race(runner, revoker, chance.randrange(6))
    subject = f"user-{number}"
    provider, local = partial(two.session, subject=subject), partial(runner.create_local_session, subject)
    await race.run(await decided(provider if is_provider else local))
    return race


async def run_races(two: BeforeProvider, number: int, *, is_provider: bool) -> list[Race]:
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(at: int) -> Race:
        async with room:
            return await raced(two, at, is_provider=is_provider)

    return await asyncio.gather(*map(one, range(number)))


@pytest.mark.parametrize("is_provider", [False, True], ids=["local", "provider"])
@pytest.mark.parametrize("number", [30, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.slow
async def test_no_refresh_succeeds_after_an_acknowledged_revocation(
    two: BeforeProvider,
    number: int,
    is_provider: bool,  # noqa: FBT001
) -> None:
    races = await run_races(two, number, is_provider=is_provider)
    assert [race.late for race in races if race.late] == []
    assert {race.refusal for race in races} == {"SESSION_REVOKED"}
    # What a call still got that was on its way opens nothing.
    for race in races:
        for client in two.clients:
            with pytest.raises(RefreshRefusedError, match="SESSION_REVOKED"):
                await decided(partial(client.refresh, race.won[-1].refresh_token))
        assert isinstance(await race.revoker.validate(race.won[-1].access_token), Rejection)


async def test_no_exchange_that_is_under_way_outlives_a_revocation(two: BeforeProvider) -> None:
    """The provider has them all, and gives tokens for all, after the revocations were acknowledged."""
    names = [f"held-{number}" for number in range(SIDE_BY_SIDE)]
    opened = [await decided(partial(two.session, subject=name)) for name in names]
    await two.idp.switch(hold=SIDE_BY_SIDE)
    runner, revoker = two.clients
    refreshes = [asyncio.create_task(decided(partial(runner.refresh, one.refresh_token))) for one in opened]

    async def all_are_there() -> bool:
        return (await two.idp.counts())["token"] == SIDE_BY_SIDE

    # A lease whose answer came too late runs out first.
    await eventually(all_are_there, timeout=30)
    await asyncio.gather(*(revoker.revoke_session(one.session.session_id) for one in opened))
    await two.idp.switch(hold=0)
    answers = await asyncio.gather(*refreshes, return_exceptions=True)
    assert [answer for answer in answers if not isinstance(answer, RefreshRefusedError)] == []
    assert {answer.reason for answer in answers} == {"SESSION_REVOKED"}
