"""What a watcher is told, in which order, and how fresh it may take itself for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.failures import (
    RevocationViewStaleError,
    ShuttingDownError,
    WatchFellBehindError,
)
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.revocation import RevocationType, to_revision
from sessiond_server.service.revocation.events import Event, RevocationEvents
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.watch import Freshness, Message, Reset, RevocationWatch, Started
from sessiond_server.service.revocation.withdrawn_keys import WithdrawnKeys
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger
from tests.support.revocations import MemoryLog, alone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sessiond_server.domain.revocation import Position

POLICY = IssuerPolicy("https://id.example", frozenset({"api"}), frozenset({"ES256"}))
HEARTBEAT_SECONDS = 0.25


@dataclass
class Server:
    """One server, on a clock that a test moves."""

    log: MemoryLog = field(default_factory=MemoryLog)
    clock: FakeClock = field(default_factory=FakeClock)
    jitter: float = 0.0

    def __post_init__(self) -> None:
        logger = SilentLogger()
        self.view = Revocations(
            self.log,
            max_staleness_seconds=1.0,
            clock=self.clock,
            logger=logger,
            checks=alone(self.clock),
            telemetry=RecordingTelemetry(),
        )
        self.events = self.view.events = RevocationEvents(clock=self.clock, kept=4, at_most=4)
        self.withdrawn = WithdrawnKeys(self.events, clock=self.clock, at_most=3)
        self.watch = RevocationWatch(
            self.view,
            self.withdrawn,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            clock=self.clock,
            jitter=lambda: self.jitter,
        )

    async def poll(self) -> None:
        await self.view.catch_up_anew(0)

    async def appended(self, *numbers: int) -> None:
        self.log.append(*numbers)
        await self.poll()

    def pass_(self, seconds: float) -> None:
        """Let time pass, for those who wait too."""
        self.clock.at += seconds
        self.events.waiters.wake_all()

    def open(
        self, *known: Position, caller_known_until: float | None = None
    ) -> AsyncGenerator[Message, None]:
        after = {one.partition: one for one in known} or None
        return self.watch.watch(after, caller_known_until=caller_known_until)


@pytest.fixture
async def server() -> Server:
    server = Server()
    await server.poll()
    return server


async def next_of(stream: AsyncGenerator[Message, None], count: int) -> list[Any]:
    async with asyncio.timeout(30):
        return [await anext(stream) for _ in range(count)]


def numbers(messages: list[Any]) -> list[int]:
    return [int.from_bytes(one.revocation.hashed_id, "big") for one in messages if isinstance(one, Event)]


def kinds(messages: list[Any]) -> list[type]:
    return [type(one) for one in messages]


def key(key_id: str) -> bytes:
    return hashed_id("key", POLICY.issuer, key_id)


async def test_a_stream_begins_with_where_it_goes_on_from(server: Server) -> None:
    await server.appended(1)
    (started,) = await next_of(server.open(), 1)
    assert started == Started(to_revision([server.log.position(1)]), 1.0)
    (resumed,) = await next_of(server.open(server.log.position(0)), 1)
    assert resumed.revision == to_revision([server.log.position(0)])


async def test_freshness_counts_from_the_question_and_not_from_the_answer(server: Server) -> None:
    """What is known is at most what was known when the stream was opened, plus what has passed since."""
    server.pass_(0.5)
    stream = server.open()
    _, first = await next_of(stream, 2)
    assert first == Freshness(server.events.revision, age_seconds=0.5, since_start_seconds=0.0)
    server.pass_(0.25)
    await server.poll()
    server.pass_(0.125)
    (second,) = await next_of(stream, 1)
    assert second == Freshness(server.events.revision, age_seconds=0.125, since_start_seconds=0.375)


async def test_reading_up_to_what_a_watcher_knows_counts_too(server: Server) -> None:
    server.log.append(1)
    reached = server.view.read_up_to

    async def slow(position: Position) -> bool:
        server.pass_(0.5)
        return await reached(position)

    server.view.read_up_to = slow  # type: ignore[method-assign]
    _, first = await next_of(server.open(server.log.position(1)), 2)
    assert first.since_start_seconds == 0.5


async def test_a_heartbeat_comes_when_it_is_due_and_not_before(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    beat = asyncio.ensure_future(anext(stream))
    server.pass_(HEARTBEAT_SECONDS - 0.01)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not beat.done()
    server.pass_(0.02)
    assert isinstance(await beat, Freshness)


async def test_a_heartbeat_stands_behind_every_event_that_it_covers(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    server.pass_(HEARTBEAT_SECONDS)
    await server.appended(1, 2)
    messages = await next_of(stream, 3)
    assert kinds(messages) == [Event, Event, Freshness]
    assert numbers(messages) == [1, 2]
    assert messages[-1].revision == messages[1].revision == to_revision([server.log.position(2)])


async def test_an_event_wakes_who_waits_for_a_heartbeat(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await server.appended(1)
    assert numbers([await waiting]) == [1]


async def test_what_this_server_knew_already_is_told_when_the_log_has_it(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    server.log.append(1)
    server.view.view.apply(0, server.log.entries[0])
    await server.poll()
    assert numbers(await next_of(stream, 1)) == [1]


async def test_who_comes_back_gets_what_it_has_missed(server: Server) -> None:
    await server.appended(1, 2, 3)
    messages = await next_of(server.open(server.log.position(1)), 4)
    assert kinds(messages) == [Started, Event, Event, Freshness]
    assert numbers(messages) == [2, 3]


async def test_who_comes_from_a_server_that_had_read_further_misses_nothing(server: Server) -> None:
    server.log.append(1, 2)
    messages = await next_of(server.open(server.log.position(2)), 2)
    assert kinds(messages) == [Started, Freshness]
    assert server.events.revision == to_revision([server.log.position(2)])


async def test_who_knows_everything_has_nothing_read_for_it(server: Server) -> None:
    reads = server.log.reads
    await next_of(server.open(server.log.position(0)), 1)
    assert server.log.reads == reads


async def test_who_knows_of_a_partition_that_is_not_here_begins_anew(server: Server) -> None:
    elsewhere = replace(server.log.position(0), partition=7)
    assert kinds(await next_of(server.open(elsewhere), 2)) == [Started, Reset]


async def test_who_comes_back_after_too_long_begins_anew(server: Server) -> None:
    await server.appended(*range(1, 7))
    stream = server.open(server.log.position(1))
    messages = await next_of(stream, 3)
    assert kinds(messages) == [Started, Reset, Freshness]
    assert messages[1].revision == to_revision([server.log.position(6)])
    await server.appended(7)
    assert numbers(await next_of(stream, 1)) == [7]


async def test_another_incarnation_of_the_store_begins_anew(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    await server.appended(1)
    server.log.replace(2, 3)
    server.pass_(HEARTBEAT_SECONDS)
    await server.poll()
    messages = await next_of(stream, 2)
    assert kinds(messages) == [Reset, Freshness]
    assert messages[0].revision == to_revision([server.log.position(2)])


async def test_nobody_watches_a_log_that_has_not_been_read() -> None:
    with pytest.raises(RevocationViewStaleError):
        await next_of(Server().open(), 1)


async def test_a_key_that_is_withdrawn_is_told_at_once_and_to_who_comes_later(server: Server) -> None:
    await server.appended(1)
    stream = server.open()
    await next_of(stream, 2)
    server.withdrawn.add(POLICY, ["k1"])
    (told,) = await next_of(stream, 1)
    assert (told.revocation.type, told.revocation.hashed_id) == (RevocationType.KEY, key("k1"))
    assert told.revision == ""
    life = POLICY.max_lifetime + POLICY.leeway + POLICY.clock_skew
    expire_ms = int(server.clock.now() * 1000) + life // timedelta(milliseconds=1)
    assert told.revocation.expire_ms == expire_ms
    server.pass_(299.0)
    for known in ([], [server.log.position(1)], [server.log.position(0)]):
        messages = await next_of(server.open(*known), 2 + len(known))
        assert key("k1") in [one.revocation.hashed_id for one in messages if isinstance(one, Event)]
    server.pass_(2.0)
    assert kinds(await next_of(server.open(), 2)) == [Started, Freshness]


async def test_who_begins_anew_is_told_of_withdrawn_keys_once_more(server: Server) -> None:
    server.withdrawn.add(POLICY, ["k1"])
    stream = server.open()
    assert kinds(await next_of(stream, 3)) == [Started, Event, Freshness]
    server.log.replace(1)
    await server.poll()
    messages = await next_of(stream, 2)
    assert kinds(messages) == [Reset, Event]
    assert messages[1].revocation.hashed_id == key("k1")


async def test_of_too_many_keys_watchers_begin_anew(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    server.withdrawn.add(POLICY, ["k1", "k2", "k3", "k4"])
    assert kinds(await next_of(stream, 1)) == [Reset]
    assert server.withdrawn.recent() == []


async def test_who_does_not_keep_up_is_told_so(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    await server.appended(*range(1, 6))
    with pytest.raises(WatchFellBehindError):
        await next_of(stream, 1)
    assert server.watch.watchers == 0


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 300.0), (1.0, 240.0)])
async def test_a_stream_ends_within_five_minutes_each_at_its_own_time(jitter: float, seconds: float) -> None:
    server = Server(jitter=jitter)
    await server.poll()
    stream = server.open()
    await next_of(stream, 2)
    server.pass_(seconds - 1.0)
    await next_of(stream, 1)
    server.pass_(1.1)
    await next_of(stream, 1)
    async with asyncio.timeout(30):
        assert [message async for message in stream] == []
    assert server.watch.watchers == 0


async def test_a_server_that_stops_ends_its_streams_and_begins_none(server: Server) -> None:
    stream = server.open()
    await next_of(stream, 2)
    assert server.watch.watchers == 1
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    server.watch.close()
    for ended in (waiting, anext(server.open())):
        with pytest.raises(ShuttingDownError) as refused:
            await ended
        assert refused.value.ends_a_stream
    assert server.watch.watchers == 0


async def test_a_watcher_that_leaves_is_no_watcher_any_more(server: Server) -> None:
    async with aclosing(server.open()) as stream:
        await next_of(stream, 1)
        assert server.watch.watchers == 1
    assert server.watch.watchers == 0


async def test_a_stream_ends_when_its_caller_is_known_no_more_whatever_there_is_to_tell() -> None:
    server = Server()
    await server.poll()
    async with aclosing(server.open(caller_known_until=server.clock.now() + 10)) as stream:
        assert isinstance(await anext(stream), Started)
        assert isinstance(await anext(stream), Freshness)
        server.pass_(9.9)
        await server.appended(1)
        assert isinstance(await anext(stream), Event)
        await server.appended(2)
        server.clock.set_ahead = 0.1
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert server.watch.watchers == 0


async def test_a_stream_that_waits_is_woken_for_its_end() -> None:
    """Its clock goes on by itself here: only the end is due within the test's time."""
    server = Server()
    await server.poll()
    async with aclosing(server.open(caller_known_until=server.clock.now() + 0.01)) as stream:
        assert [type(await anext(stream)) for _ in range(2)] == [Started, Freshness]
        ending = asyncio.ensure_future(anext(stream, None))
        await asyncio.sleep(0)
        server.clock.at += 0.02
        assert await asyncio.wait_for(ending, HEARTBEAT_SECONDS - 0.05) is None
