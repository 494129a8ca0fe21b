"""Servers before a provider: duplicates of one token at all of them, and servers that die in an exchange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessiond import RefreshRefusedError, UnavailableError
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.record import Flag, Header, split
from sessiond_server.adapters.store.records import record_key
from sessiond_server.domain.identifiers import SessionId
from tests.support.before_provider import BeforeProvider, before_provider
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens
    from tests.support.cluster import Member

DUPLICATES: Final = 200
# A lease that nobody uses any more runs out after 15 s.
SECONDS_UNTIL_FREE: Final = 30


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BeforeProvider]:
    directory: Path = tmp_path_factory.mktemp("x")
    async with before_provider(directory, servers=3) as found:
        yield found


async def test_two_hundred_duplicates_at_three_servers_are_one_exchange(servers: BeforeProvider) -> None:
    opened = await servers.session()
    await servers.idp.switch(latency=0.3)
    calls = [
        servers.clients[number % len(servers.clients)].refresh(opened.refresh_token)
        for number in range(DUPLICATES)
    ]
    answers = await asyncio.gather(*calls)
    assert len({(one.refresh_token, one.access_token) for one in answers}) == 1
    assert sum(not one.replayed for one in answers) == 1
    assert (await servers.idp.counts())["refreshed"] == 1
    await servers.idp.switch(latency=0)
    assert not (await servers.clients[0].refresh(answers[0].refresh_token)).replayed


class Exchange:
    """A refresh at one server, which is to die in the middle of it."""

    def __init__(self, servers: BeforeProvider, opened: Tokens) -> None:
        self.servers, self.opened = servers, opened
        self.member: Member = servers.cluster.members[0]
        self._call: asyncio.Task[Any] | None = None

    def begin(self) -> None:
        self._call = asyncio.create_task(self.servers.clients[0].refresh(self.opened.refresh_token))

    async def die(self) -> None:
        """Kill the server; whoever called it has no answer."""
        await self.member.kill()
        assert self._call
        (answer,) = await asyncio.gather(self._call, return_exceptions=True)
        assert isinstance(answer, UnavailableError)

    async def header(self) -> Header:
        session = SessionId.find(self.opened.session.session_id)
        assert session
        return split(await self.servers.cluster.stores[0].redis.get(key_in(0, record_key(session))))[0]

    async def is_leased(self) -> bool:
        return Flag.LEASED in Flag((await self.header()).flags)

    async def is_at_provider(self) -> bool:
        return (await self.servers.idp.counts())["token"] == 1

    async def is_committed(self) -> bool:
        return (await self.header()).generation == 1

    async def is_begun(self) -> bool:
        return await self._shows('sessiond_calls_in_flight{method="RefreshSession"} 1.0')

    async def has_tried_to_commit(self) -> bool:
        return await self._shows('sessiond_store_seconds_count{script="commit"}')

    async def _shows(self, series: str) -> bool:
        """Whether a line of the server's metrics begins so."""
        server = self.member.server
        assert server
        server.http = next(line["http"] for line in server.lines()[::-1] if line["event"] == "listening")
        _, lines = await server.page("/metrics")
        return any(line.startswith(series) for line in lines)


async def before_the_lease(exchange: Exchange) -> None:
    exchange.member.link.hold()
    exchange.begin()
    await eventually(exchange.is_begun)
    await exchange.die()
    exchange.member.link.release()


async def after_the_lease(exchange: Exchange) -> None:
    # The answer of the store is on its way for so long.
    exchange.member.link.delay_seconds = 0.1
    exchange.begin()
    await eventually(exchange.is_leased)
    await exchange.die()


async def with_the_request_sent(exchange: Exchange) -> None:
    await exchange.servers.idp.switch(hold=1)
    exchange.begin()
    await eventually(exchange.is_at_provider)
    await exchange.die()
    await exchange.servers.idp.switch(hold=0)


async def before_the_commit(exchange: Exchange) -> None:
    await exchange.servers.idp.switch(hold=1)
    exchange.begin()
    await eventually(exchange.is_at_provider)
    await exchange.member.link.cut()
    await exchange.servers.idp.switch(hold=0)
    await eventually(exchange.has_tried_to_commit)
    await exchange.die()
    exchange.member.link.mend()


async def before_the_answer(exchange: Exchange) -> None:
    exchange.member.link.delay_seconds = 0.1
    exchange.begin()
    await eventually(exchange.is_committed)
    await exchange.die()


@pytest.fixture
async def exchange(servers: BeforeProvider) -> AsyncIterator[Exchange]:
    """A session at a provider that answers a lost exchange again."""
    await servers.idp.switch(rotation="grace")
    yield Exchange(servers, await servers.session())
    member = servers.cluster.members[0]
    member.link.delay_seconds = 0
    await member.start()


@pytest.mark.parametrize(
    "die",
    [
        before_the_answer,
        pytest.param(before_the_lease, marks=pytest.mark.long),
        pytest.param(after_the_lease, marks=pytest.mark.long),
        pytest.param(with_the_request_sent, marks=pytest.mark.long),
        pytest.param(before_the_commit, marks=pytest.mark.long),
    ],
)
async def test_where_a_server_dies_in_an_exchange_another_one_goes_on(exchange: Exchange, die: Any) -> None:
    """Nobody is logged out by it, and whatever was given out for the token is given out again."""
    await die(exchange)
    others = exchange.servers.clients[1:]
    was_committed = await exchange.is_committed()
    before = await exchange.servers.idp.counts()

    async def refreshed() -> Tokens | None:
        try:
            return await others[0].refresh(exchange.opened.refresh_token)
        except UnavailableError:
            return None

    answer = await eventually(refreshed, timeout=SECONDS_UNTIL_FREE)
    assert answer
    again = await others[1].refresh(exchange.opened.refresh_token)
    assert (answer.refresh_token, answer.access_token) == (again.refresh_token, again.access_token)
    # What had been stored was not asked for a second time.
    asked = (await exchange.servers.idp.counts())["refreshed"] - before["refreshed"]
    assert asked == (0 if was_committed else 1)
    assert answer.replayed is was_committed
    onward = await others[1].refresh(answer.refresh_token)
    assert onward.session.session_id == exchange.opened.session.session_id
    with pytest.raises(RefreshRefusedError, match="REFRESH_TOKEN_SUPERSEDED"):
        await others[0].refresh(exchange.opened.refresh_token)
    assert (await exchange.header()).state == 1
