"""The revocation log: dense numbers and chain tags tell histories apart; and the view fed from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.identifiers import subject_byte
from sessiond_server.domain.revocation import CHAIN_START, Position, Revocation, chain_tag
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.service.revocation.clocks import STANDS_AFTER_SECONDS
from tests.support.fakes import FakeClock, RecordingTelemetry
from tests.support.revocations import MAX_STALENESS_SECONDS, viewed
from tests.support.store import ENTRY_LIFE_MS, ISSUER, Store
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.adapters.store.partitions import Partitions
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.revocation.follow import Revocations
    from sessiond_server.service.storage.revocations import LogPage


async def end_some(store: Store, count: int) -> list[Revocation]:
    entries: list[Revocation] = []
    for _ in range(count):
        token = await store.open()
        entries += (await store.end(token.session)).logged.revocations
    return entries


async def read_all(store: Store, after: Position | None = None) -> list[LogPage]:
    pages = [await store.log.read(store.partition(), after)]
    while not pages[-1].reached_head:
        pages.append(await store.log.read(store.partition(), pages[-1].position))
    return pages


async def test_an_empty_log_has_an_end(store: Store) -> None:
    page = await store.log.read(store.partition(), None)
    assert (page.revocations, page.position.number, page.position.tag, page.reached_head) == (
        (),
        0,
        CHAIN_START,
        True,
    )


async def test_entries_are_numbered_without_gaps_and_chained(store: Store) -> None:
    entries = await end_some(store, 5)
    tag = CHAIN_START
    stored = await store.redis.xrange(store.key("log"))
    for number, (identifier, fields) in enumerate(stored, start=1):
        assert identifier == f"{number}-0".encode()
        assert fields[b"e"] == entries[number - 1].pack()
        tag = chain_tag(tag, fields[b"e"])
        assert fields[b"t"] == tag.encode()
    assert await store.redis.hmget(store.key("head"), "n", "tag") == [b"5", tag.encode()]


async def test_a_reader_gets_what_follows_its_position(store: Store) -> None:
    before = await end_some(store, 3)
    page = await store.log.read(store.partition(), None)
    assert list(page.revocations) == before
    behind = await end_some(store, 2)
    following = await store.log.read(store.partition(), page.position)
    assert (list(following.revocations), following.continues, following.reached_head) == (behind, True, True)
    nothing = await store.log.read(store.partition(), following.position)
    assert (nothing.revocations, nothing.continues, nothing.position) == ((), True, following.position)


async def test_a_command_says_where_the_log_ends_behind_it(store: Store) -> None:
    token = await store.open()
    ended = await store.end(token.session)
    assert ended.logged.position == (await store.log.read(store.partition(), None)).position


async def test_a_long_log_comes_in_pages(store: Store) -> None:
    entries = await end_some(store, 1)
    await fill(store, entries[0], 2500)
    pages = await read_all(store)
    assert [len(page.revocations) for page in pages] == [1000, 1000, 500]
    assert [page.behind for page in pages] == [1500, 500, 0]
    assert [page.continues for page in pages[1:]] == [True, True]


async def fill(store: Store, entry: Revocation, number: int) -> None:
    """A log of `number` entries, as scripts would have written it."""
    await store.redis.delete(store.key("log"))
    tag = CHAIN_START
    pipeline = store.redis.pipeline(transaction=False)
    for n in range(1, number + 1):
        packed = replace(entry, not_before_ms=n).pack()
        tag = chain_tag(tag, packed)
        pipeline.xadd(store.key("log"), {"e": packed, "t": tag}, id=f"{n}-0")
    pipeline.hset(store.key("head"), mapping={"n": number, "tag": tag})
    await pipeline.execute()


async def test_another_history_under_the_same_numbers_is_noticed(store: Store) -> None:
    entries = await end_some(store, 3)
    page = await store.log.read(store.partition(), None)
    await fill(store, replace(entries[0], floor_ms=1), 3)
    other = await store.log.read(store.partition(), page.position)
    assert not other.continues
    assert len(other.revocations) == 3


async def test_a_head_that_went_back_is_noticed(store: Store) -> None:
    entries = await end_some(store, 3)
    page = await store.log.read(store.partition(), None)
    await fill(store, entries[0], 2)
    assert not (await store.log.read(store.partition(), page.position)).continues


async def test_a_store_that_was_emptied_is_noticed(store: Store) -> None:
    await end_some(store, 3)
    page = await store.log.read(store.partition(), None)
    await store.redis.flushall()
    await end_some(store, 3)
    other = await store.log.read(store.partition(), page.position)
    assert not other.continues
    assert other.position.incarnation != page.position.incarnation
    assert len(other.revocations) == 3


async def test_entries_without_a_head_belong_to_no_history(store: Store) -> None:
    await end_some(store, 3)
    await store.redis.delete(store.key("head"))
    page = await store.log.read(store.partition(), None)
    assert (page.revocations, page.position.number) == ((), 0)


async def test_only_leading_entries_that_hit_nothing_any_more_are_trimmed(store: Store) -> None:
    entries = await end_some(store, 4)
    for n, entry in enumerate(entries, start=1):
        expire_ms = entry.expire_ms if n == 3 else entry.expire_ms - 2 * ENTRY_LIFE_MS
        await rewrite(store, n, replace(entry, expire_ms=expire_ms))
    reader = (await store.log.read(store.partition(), None)).position
    await store.log.trim(store.partition())
    assert [identifier for identifier, _ in await store.redis.xrange(store.key("log"))] == [b"3-0", b"4-0"]
    assert (await store.log.read(store.partition(), reader)).continues
    await store.log.trim(store.partition())
    assert await store.redis.xlen(store.key("log")) == 2


async def rewrite(store: Store, number: int, entry: Revocation) -> None:
    """Replace one entry, and chain all entries after it anew."""
    stored = [fields[b"e"] for _, fields in await store.redis.xrange(store.key("log"))]
    stored[number - 1] = entry.pack()
    await store.redis.delete(store.key("log"))
    tag = CHAIN_START
    for n, packed in enumerate(stored, start=1):
        tag = chain_tag(tag, packed)
        await store.redis.xadd(store.key("log"), {"e": packed, "t": tag}, id=f"{n}-0")
    await store.redis.hset(store.key("head"), "tag", tag)


async def test_who_stands_before_what_was_trimmed_starts_anew(store: Store) -> None:
    (entry,) = await end_some(store, 1)
    early = (await store.log.read(store.partition(), None)).position
    await end_some(store, 2)
    for n in (1, 2):
        await rewrite(store, n, replace(entry, expire_ms=n))
    await store.log.trim(store.partition())
    page = await store.log.read(store.partition(), early)
    assert not page.continues
    assert (len(page.revocations), page.position.number) == (1, 3)
    standing_at_the_cut = await store.redis.hget(store.key("head"), "trimmed_tag")
    cut = replace(early, number=2, tag=standing_at_the_cut.decode())
    assert (await store.log.read(store.partition(), cut)).continues


async def test_a_trimmed_log_that_is_empty_goes_on_counting(store: Store) -> None:
    entries = await end_some(store, 2)
    for n, entry in enumerate(entries, start=1):
        await rewrite(store, n, replace(entry, expire_ms=1))
    at_the_end = (await store.log.read(store.partition(), None)).position
    await store.log.trim(store.partition())
    assert await store.redis.xlen(store.key("log")) == 0
    (new,) = await end_some(store, 1)
    page = await store.log.read(store.partition(), at_the_end)
    assert (page.continues, page.revocations, page.position.number) == (True, (new,), 3)


@pytest.mark.parametrize(("number", "may_have_more"), [(499, False), (500, True), (501, True)])
async def test_trimming_says_whether_there_may_be_more(
    store: Store, number: int, *, may_have_more: bool
) -> None:
    (entry,) = await end_some(store, 1)
    await fill(store, replace(entry, expire_ms=1), number)
    assert await store.log.trim(store.partition()) is may_have_more
    assert await store.redis.xlen(store.key("log")) == max(0, number - 500)
    assert await store.log.trim(store.partition()) is False


async def test_a_log_that_is_far_behind_is_trimmed_at_once_and_read_meanwhile(store: Store) -> None:
    (entry,) = await end_some(store, 1)
    await fill(store, replace(entry, expire_ms=1), 2500)
    clock, steps = FakeClock(), StepsOfLog(store)
    revocations = viewed(store, clock)
    revocations._log_store = revocations._housekeeping._log_store = steps
    store.stop_at(round(clock.at * 1000))
    for partition in store.partitions:
        await revocations.catch_up(partition)
    # Only a clock that has stood for a while is trimmed by.
    clock.at += STANDS_AFTER_SECONDS
    store.stop_at(round(clock.at * 1000))
    polling = asyncio.create_task(revocations.poll(interval_seconds=3600))
    try:
        await eventually(lambda: steps.taken.count("trim") == 6)
    finally:
        polling.cancel()
        await asyncio.wait([polling])
    assert await store.redis.xlen(store.key("log")) == 0
    behind_the_first_reading = steps.taken[steps.taken.index("trim") :]
    assert behind_the_first_reading == ["trim", "read"] * 5 + ["trim"]


class StepsOfLog:
    """The log, and what was done with the partition that all this happens in."""

    def __init__(self, store: Store) -> None:
        self._store, self.taken = store, []

    async def read(self, partition: int, after: Position | None) -> LogPage:
        page = await self._store.log.read(partition, after)
        self._note("read", partition)
        return page

    async def trim(self, partition: int) -> bool:
        may_have_more = await self._store.log.trim(partition)
        self._note("trim", partition)
        return may_have_more

    def partitions(self) -> Partitions:
        return self._store.partitions

    def _note(self, step: str, partition: int) -> None:
        if partition == self._store.partition():
            self.taken.append(step)


# The view, fed from the real log.


def revocation_ids(token: RefreshToken) -> RevocationIds:
    return RevocationIds(
        (token.session.hashed,), token.session.hashed, bytes(16), 0, subject_byte(ISSUER, "alice")
    )


async def catch_up(revocations: Revocations, store: Store) -> None:
    for partition in store.log.partitions():
        assert not revocations.is_synced
        await revocations.catch_up(partition)


async def test_nothing_is_answered_before_the_log_was_read_to_its_end(store: Store) -> None:
    token = await store.open()
    revocations = viewed(store, FakeClock())
    assert not revocations.is_synced
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(revocation_ids(token))
    await catch_up(revocations, store)
    assert revocations.is_synced
    assert not revocations.revokes(revocation_ids(token))


async def test_what_another_server_ended_is_known_behind_the_next_read(store: Store) -> None:
    token = await store.open()
    revocations = viewed(store, FakeClock())
    await revocations.catch_up(store.partition())
    await store.end(token.session)
    assert not revocations.revokes(revocation_ids(token))
    await revocations.catch_up(store.partition())
    assert revocations.revokes(revocation_ids(token))


async def test_what_this_server_ended_is_known_at_once_and_read_all_the_same(store: Store) -> None:
    token, others = await store.open(), await store.open()
    revocations = viewed(store, FakeClock())
    await revocations.catch_up(store.partition())
    at = revocations.revision
    await store.end(others.session)
    revocations.apply_own((await store.end(token.session)).logged)
    assert revocations.revokes(revocation_ids(token))
    assert revocations.revision == at
    await revocations.catch_up(store.partition())
    assert revocations.revokes(revocation_ids(others))


async def test_an_answer_is_given_for_as_long_as_staleness_may_last(store: Store) -> None:
    token, clock = await store.open(), FakeClock()
    revocations = viewed(store, clock)
    await revocations.catch_up(store.partition())
    clock.at += MAX_STALENESS_SECONDS - 0.001
    assert not revocations.revokes(revocation_ids(token))
    clock.at += 0.001
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(revocation_ids(token))
    await revocations.catch_up(store.partition())
    assert not revocations.revokes(revocation_ids(token))


async def test_staleness_counts_from_before_the_log_was_asked(store: Store) -> None:
    """An answer that took long to arrive tells what was so when it was asked for."""
    token, clock = await store.open(), FakeClock()

    class SlowLog:
        partition_of = staticmethod(store.log.partition_of)

        async def read(self, partition: int, after: Position | None) -> LogPage:
            page = await store.log.read(partition, after)
            clock.at += MAX_STALENESS_SECONDS
            return page

    revocations = viewed(store, clock)
    revocations._log_store = SlowLog()
    await revocations.catch_up(store.partition())
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(revocation_ids(token))


async def test_what_a_store_forgot_is_not_forgotten_here(store: Store) -> None:
    known, telemetry = await store.open(), RecordingTelemetry()
    revocations = viewed(store, FakeClock(), telemetry)
    await store.end(known.session)
    await revocations.catch_up(store.partition())
    await store.redis.flushall()
    new = await store.open()
    await store.end(new.session)
    await revocations.catch_up(store.partition())
    assert revocations.revokes(revocation_ids(known))
    assert revocations.revokes(revocation_ids(new))
    assert len(telemetry.of("log_resynced")) == 1
    assert await store.redis.exists(store.key("changed"))


async def test_a_log_of_many_pages_is_read_in_one_go(store: Store) -> None:
    (entry,) = await end_some(store, 1)
    await fill(store, entry, 2500)
    revocations = viewed(store, FakeClock())
    await catch_up(revocations, store)
    assert revocations.is_synced
    assert revocations.is_fresh
