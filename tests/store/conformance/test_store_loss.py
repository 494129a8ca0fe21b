"""A store that was emptied: what is refused that it may have revoked, and who makes up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.survivors import Survivor

if TYPE_CHECKING:
    from sessiond_server.service.storage.revocations import LogPage
    from tests.support.store import Store

UNKNOWN = b"u" * 16
OUTAGE_MS = 300_000
NEW = "the store is new, or was emptied: tokens from before count as revoked"


async def started(store: Store, *, refuses_older: bool = True) -> Survivor:
    """A server that starts and reads the log."""
    server = Survivor(store, refuses_older=refuses_older)
    await server.read()
    return server


async def born_ms(store: Store) -> int:
    return (await store.log.read(store.partition(), None)).born_ms


async def test_who_starts_on_an_emptied_store_refuses_what_began_before_it(store: Store) -> None:
    server = await started(store)
    born = await born_ms(store)
    assert server.revokes(UNKNOWN, started_ms=born)
    assert server.revokes(UNKNOWN, started_ms=None)
    assert not server.revokes(UNKNOWN, started_ms=born + 1)
    await server.read()
    assert [one["partition"] for one in server.logger.said(NEW)] == list(store.partitions)


async def test_the_operator_may_accept_it(store: Store) -> None:
    server = await started(store, refuses_older=False)
    assert not server.revokes(UNKNOWN, started_ms=0)
    assert server.logger.said(NEW) == []


async def test_nothing_is_refused_any_more_when_nothing_from_before_can_live(store: Store) -> None:
    server = await started(store)
    later = await born_ms(store) + server.view.loss._entry_life_ms
    store.stop_at(later - 1)
    await server.read()
    assert server.revokes(UNKNOWN, started_ms=None)
    store.stop_at(later)
    await server.read()
    assert not server.revokes(UNKNOWN, started_ms=None)


async def test_a_server_that_knew_the_lost_log_refuses_nothing_but_what_it_knows(store: Store) -> None:
    token = await store.open()
    await store.end(token.session)
    survivor = await started(store, refuses_older=False)
    survivor.view.loss._refuses_older = True
    await store.redis.flushall()
    await survivor.read()
    assert survivor.revokes(token.session.hashed)
    assert not survivor.revokes(UNKNOWN)


async def test_what_is_older_is_refused_until_a_survivor_has_written_what_it_knew(
    store: Store,
) -> None:
    token = await store.open()
    await store.end(token.session)
    survivor = await started(store)
    await store.redis.flushall()
    await survivor.read()
    newcomer = await started(store)
    assert newcomer.revokes(UNKNOWN)
    await survivor.restore()
    await newcomer.read()
    assert not newcomer.revokes(UNKNOWN)
    assert newcomer.revokes(token.session.hashed)
    assert not (await started(store)).revokes(UNKNOWN)


@pytest.mark.parametrize(("away_ms", "knows"), [(OUTAGE_MS, True), (OUTAGE_MS + 1, False)])
async def test_who_was_away_for_too_long_does_not_say_what_was_lost(
    store: Store, away_ms: int, *, knows: bool
) -> None:
    token = await store.open()
    await store.end(token.session)
    survivor = await started(store)
    read_ms = survivor.view.loss._read_ms[store.partition()]
    await store.redis.flushall()
    store.stop_at(int(read_ms) + away_ms)
    await survivor.restore()
    newcomer = await started(store)
    # What it knows it writes all the same.
    assert newcomer.revokes(token.session.hashed, started_ms=int(read_ms) + away_ms + 1)
    assert newcomer.revokes(UNKNOWN) is not knows
    assert survivor.revokes(UNKNOWN) is not knows


async def test_that_nothing_is_missing_is_told_behind_what_was_appended_meanwhile(store: Store) -> None:
    survivor = await started(store)
    await store.redis.flushall()
    await survivor.read()
    token, written = await store.open(), []
    reassert = survivor.reassertion._log_store.reassert

    async def late(partition: int, page: object, **given: object) -> object:
        if not written:
            await store.end(token.session)
        written.append(await reassert(partition, page, **given))
        return written[-1]

    survivor.reassertion._log_store.reassert = late
    await survivor.reassertion.restore(store.partition())
    assert written[0] is None
    assert await born_ms(store) == 0


async def test_a_page_says_when_its_log_began(store: Store) -> None:
    before = await store.scripts.now_ms(store.partition())
    page: LogPage = await store.log.read(store.partition(), None)
    assert before <= page.born_ms <= page.store_ms


async def test_who_knew_one_lost_log_does_not_know_the_next(store: Store) -> None:
    survivor = await started(store)
    await store.redis.flushall()
    await survivor.read()
    assert survivor.view.loss.knows(store.partition())
    await store.redis.flushall()
    store.stop_at(await store.scripts.now_ms(store.partition()) + 10 * OUTAGE_MS)
    await survivor.read()
    assert not survivor.view.loss.knows(store.partition())
    assert survivor.revokes(UNKNOWN)
