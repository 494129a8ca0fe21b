"""The revocation log: dense numbers, chain tags, histories that are told apart; and the view that is fed from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.identifiers import subject_byte
from sessiond_server.domain.revocation import CHAIN_START, Position, Revocation, chain_tag
from sessiond_server.domain.view import Traces
from sessiond_server.service.revocations import Revocations
from tests.support.store import ENTRY_LIFE_MS, ISSUER, SilentLog, Store

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.session_store import LogPage

LOG, HEAD = "{p0}log", "{p0}head"
LEASE_SECONDS = 1.0


class FakeClock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        return self.seconds

    def steady(self) -> float:
        return self.seconds


async def end_some(store: Store, count: int) -> list[Revocation]:
    entries: list[Revocation] = []
    for _ in range(count):
        token = await store.open()
        entries += (await store.end(token.session)).logged.revocations
    return entries


async def read_all(store: Store, after: Position | None = None) -> list[LogPage]:
    pages = [await store.log.read(0, after)]
    while not pages[-1].reached_head:
        pages.append(await store.log.read(0, pages[-1].position))
    return pages


async def test_an_empty_log_has_an_end(store: Store) -> None:
    page = await store.log.read(0, None)
    assert (page.revocations, page.position.number, page.position.tag, page.reached_head) == ((), 0, CHAIN_START, True)


async def test_entries_are_numbered_without_gaps_and_chained(store: Store) -> None:
    entries = await end_some(store, 5)
    tag = CHAIN_START
    stored = await store.redis.xrange(LOG)
    for number, (identifier, fields) in enumerate(stored, start=1):
        assert identifier == f"{number}-0".encode()
        assert fields[b"e"] == entries[number - 1].pack()
        tag = chain_tag(tag, fields[b"e"])
        assert fields[b"t"] == tag.encode()
    assert await store.redis.hmget(HEAD, "n", "tag") == [b"5", tag.encode()]


async def test_a_reader_gets_what_follows_its_position(store: Store) -> None:
    before = await end_some(store, 3)
    page = await store.log.read(0, None)
    assert list(page.revocations) == before
    behind = await end_some(store, 2)
    following = await store.log.read(0, page.position)
    assert (list(following.revocations), following.continues, following.reached_head) == (behind, True, True)
    nothing = await store.log.read(0, following.position)
    assert (nothing.revocations, nothing.continues, nothing.position) == ((), True, following.position)


async def test_a_command_says_where_the_log_ends_behind_it(store: Store) -> None:
    token = await store.open()
    ended = await store.end(token.session)
    assert ended.logged.position == (await store.log.read(0, None)).position


async def test_a_long_log_comes_in_pages(store: Store) -> None:
    entries = await end_some(store, 1)
    await fill(store, entries[0], 2500)
    pages = await read_all(store)
    assert [len(page.revocations) for page in pages] == [1000, 1000, 500]
    assert [page.continues for page in pages[1:]] == [True, True]


async def fill(store: Store, entry: Revocation, number: int) -> None:
    """A log of `number` entries, as scripts would have written it."""
    await store.redis.delete(LOG)
    tag = CHAIN_START
    pipeline = store.redis.pipeline(transaction=False)
    for n in range(1, number + 1):
        packed = replace(entry, not_before_ms=n).pack()
        tag = chain_tag(tag, packed)
        pipeline.xadd(LOG, {"e": packed, "t": tag}, id=f"{n}-0")
    pipeline.hset(HEAD, mapping={"n": number, "tag": tag})
    await pipeline.execute()


async def test_another_history_under_the_same_numbers_is_noticed(store: Store) -> None:
    entries = await end_some(store, 3)
    page = await store.log.read(0, None)
    await fill(store, replace(entries[0], floor_ms=1), 3)
    other = await store.log.read(0, page.position)
    assert not other.continues
    assert len(other.revocations) == 3


async def test_a_head_that_went_back_is_noticed(store: Store) -> None:
    entries = await end_some(store, 3)
    page = await store.log.read(0, None)
    await fill(store, entries[0], 2)
    assert not (await store.log.read(0, page.position)).continues


async def test_a_store_that_was_emptied_is_noticed(store: Store) -> None:
    await end_some(store, 3)
    page = await store.log.read(0, None)
    await store.redis.flushall()
    await end_some(store, 3)
    other = await store.log.read(0, page.position)
    assert not other.continues
    assert other.position.incarnation != page.position.incarnation
    assert len(other.revocations) == 3


async def test_entries_without_a_head_belong_to_no_history(store: Store) -> None:
    await end_some(store, 3)
    await store.redis.delete(HEAD)
    page = await store.log.read(0, None)
    assert (page.revocations, page.position.number) == ((), 0)


async def test_only_leading_entries_that_hit_nothing_any_more_are_trimmed(store: Store) -> None:
    entries = await end_some(store, 4)
    for n, entry in enumerate(entries, start=1):
        expire_ms = entry.expire_ms if n == 3 else entry.expire_ms - 2 * ENTRY_LIFE_MS
        await rewrite(store, n, replace(entry, expire_ms=expire_ms))
    reader = (await store.log.read(0, None)).position
    await store.log.trim(0)
    assert [identifier for identifier, _ in await store.redis.xrange(LOG)] == [b"3-0", b"4-0"]
    assert (await store.log.read(0, reader)).continues
    await store.log.trim(0)
    assert await store.redis.xlen(LOG) == 2


async def rewrite(store: Store, number: int, entry: Revocation) -> None:
    """Replace one entry, and chain all behind it anew."""
    stored = [fields[b"e"] for _, fields in await store.redis.xrange(LOG)]
    stored[number - 1] = entry.pack()
    await store.redis.delete(LOG)
    tag = CHAIN_START
    for n, packed in enumerate(stored, start=1):
        tag = chain_tag(tag, packed)
        await store.redis.xadd(LOG, {"e": packed, "t": tag}, id=f"{n}-0")
    await store.redis.hset(HEAD, "tag", tag)


async def test_who_stands_before_what_was_trimmed_starts_anew(store: Store) -> None:
    (entry,) = await end_some(store, 1)
    early = (await store.log.read(0, None)).position
    await end_some(store, 2)
    for n in (1, 2):
        await rewrite(store, n, replace(entry, expire_ms=n))
    await store.log.trim(0)
    page = await store.log.read(0, early)
    assert not page.continues
    assert (len(page.revocations), page.position.number) == (1, 3)
    standing_at_the_cut = await store.redis.hget(HEAD, "trimmed_tag")
    cut = replace(early, number=2, tag=standing_at_the_cut.decode())
    assert (await store.log.read(0, cut)).continues


async def test_a_trimmed_log_that_is_empty_goes_on_counting(store: Store) -> None:
    entries = await end_some(store, 2)
    for n, entry in enumerate(entries, start=1):
        await rewrite(store, n, replace(entry, expire_ms=1))
    at_the_end = (await store.log.read(0, None)).position
    await store.log.trim(0)
    assert await store.redis.xlen(LOG) == 0
    (new,) = await end_some(store, 1)
    page = await store.log.read(0, at_the_end)
    assert (page.continues, page.revocations, page.position.number) == (True, (new,), 3)


# The view, fed from the real log.


def traces(token: RefreshToken) -> Traces:
    return Traces((token.session.hashed,), token.session.hashed, bytes(16), 0, subject_byte(ISSUER, "alice"))


def viewed(store: Store, clock: FakeClock, resyncs: list[Any]) -> Revocations:
    return Revocations(
        store.log,
        partitions=1,
        lease_seconds=LEASE_SECONDS,
        clock=clock,
        log=SilentLog(),
        on_resync=lambda: resyncs.append(1),
    )


async def test_nothing_is_answered_before_the_log_was_read_to_its_end(store: Store) -> None:
    token = await store.open()
    revocations = viewed(store, FakeClock(), [])
    assert not revocations.is_synced
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(traces(token))
    await revocations.catch_up(0)
    assert revocations.is_synced
    assert not revocations.revokes(traces(token))


async def test_what_another_server_ended_is_known_behind_the_next_read(store: Store) -> None:
    token = await store.open()
    revocations = viewed(store, FakeClock(), [])
    await revocations.catch_up(0)
    await store.end(token.session)
    assert not revocations.revokes(traces(token))
    await revocations.catch_up(0)
    assert revocations.revokes(traces(token))


async def test_what_this_server_ended_is_known_at_once_and_read_all_the_same(store: Store) -> None:
    token, others = await store.open(), await store.open()
    revocations = viewed(store, FakeClock(), [])
    await revocations.catch_up(0)
    at = revocations.revision
    await store.end(others.session)
    revocations.apply_own((await store.end(token.session)).logged)
    assert revocations.revokes(traces(token))
    assert revocations.revision == at
    await revocations.catch_up(0)
    assert revocations.revokes(traces(others))


async def test_an_answer_is_given_for_the_lease_and_no_longer(store: Store) -> None:
    token, clock = await store.open(), FakeClock()
    revocations = viewed(store, clock, [])
    await revocations.catch_up(0)
    clock.seconds += LEASE_SECONDS - 0.001
    assert not revocations.revokes(traces(token))
    clock.seconds += 0.001
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(traces(token))
    await revocations.catch_up(0)
    assert not revocations.revokes(traces(token))


async def test_the_lease_counts_from_before_the_log_was_asked(store: Store) -> None:
    """An answer that was long on its way says what was so when it was sent for."""
    token, clock = await store.open(), FakeClock()

    class SlowLog:
        async def read(self, partition: int, after: Position | None) -> LogPage:
            page = await store.log.read(partition, after)
            clock.seconds += LEASE_SECONDS
            return page

    revocations = viewed(store, clock, [])
    revocations._log_store = SlowLog()
    await revocations.catch_up(0)
    with pytest.raises(RevocationViewStaleError):
        revocations.revokes(traces(token))


async def test_what_a_store_forgot_is_not_forgotten_here(store: Store) -> None:
    known, resyncs = await store.open(), []
    revocations = viewed(store, FakeClock(), resyncs)
    await store.end(known.session)
    await revocations.catch_up(0)
    await store.redis.flushall()
    new = await store.open()
    await store.end(new.session)
    await revocations.catch_up(0)
    assert revocations.revokes(traces(known))
    assert revocations.revokes(traces(new))
    assert len(resyncs) == 1
    assert await store.redis.exists("{p0}changed")


async def test_a_log_of_many_pages_is_read_in_one_go(store: Store) -> None:
    (entry,) = await end_some(store, 1)
    await fill(store, entry, 2500)
    revocations = viewed(store, FakeClock(), [])
    await revocations.catch_up(0)
    assert revocations.is_synced
    assert revocations.is_fresh
