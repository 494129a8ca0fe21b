"""A store that may have lost something: it is noticed by its run as well, and one reader notes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.revocations import viewed
from tests.support.store import Store

if TYPE_CHECKING:
    from sessiond_server.service.revocation.follow import Revocations

RESTARTED = "the store was restarted, or another took its place"
REPLACED = "the revocation log was replaced, reading it anew"


class Reader:
    """A server's view of the log, and what it tells of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.logger, self.telemetry = store, RecordingLogger(), RecordingTelemetry()
        self.view: Revocations = viewed(store, FakeClock(), self.telemetry, self.logger)

    async def read(self) -> None:
        await self.view.catch_up(self.store.partition())

    @property
    def told(self) -> list[str]:
        return [event for _, event, _ in self.logger.lines if event in (RESTARTED, REPLACED)]


@pytest.fixture
async def readers(store: Store) -> tuple[Reader, Reader]:
    """Two servers that have read the log."""
    found = Reader(store), Reader(store)
    for reader in found:
        await reader.read()
    return found


async def come_back(store: Store) -> None:
    """The store goes on as one does that was started again on what it had kept."""
    await store.redis.hset(store.key("head"), "run", "former")


async def changed_ms(store: Store) -> int:
    return int(await store.redis.get(store.key("changed")) or 0)


async def test_a_new_store_has_lost_nothing(store: Store, readers: tuple[Reader, Reader]) -> None:
    assert await changed_ms(store) == 0
    assert [reader.told for reader in readers] == [[], []]


@pytest.mark.usefixtures("one_server")
async def test_the_store_says_which_run_it_is_in(store: Store) -> None:
    server, replication = await store.redis.info("server"), await store.redis.info("replication")
    page = await store.log.read(store.partition(), None)
    assert page.run == server["run_id"] + replication["master_replid"]
    assert page.is_noted


async def test_another_run_is_noted_even_by_who_has_never_read_before(store: Store) -> None:
    await store.open()
    await store.log.read(store.partition(), None)
    await come_back(store)
    assert not (await store.log.read(store.partition(), None)).is_noted
    reader = Reader(store)
    await reader.read()
    assert await changed_ms(store) > 0
    assert (await store.log.read(store.partition(), None)).is_noted


async def test_a_loss_is_noted_by_one_reader_alone(store: Store, readers: tuple[Reader, Reader]) -> None:
    """Whether the other one has read before or behind that."""
    one, other = readers
    await come_back(store)
    before = await store.log.read(store.partition(), None)
    await one.read()
    noted = await changed_ms(store)
    await other.read()
    assert not await store.log.note_change(store.partition(), known_ms=before.changed_ms)
    assert await changed_ms(store) == noted


async def test_a_log_that_was_replaced_is_noted_by_one_reader_alone(
    store: Store, readers: tuple[Reader, Reader]
) -> None:
    ended = await store.open()
    await store.end(ended.session)
    for reader in readers:
        await reader.read()
    await store.redis.hset(store.key("head"), "tag", "another")
    noted = []
    for reader in readers:
        await reader.read()
        noted.append(await changed_ms(store))
    assert noted[0] == noted[1] > 0
    assert [reader.told for reader in readers] == [[REPLACED], [REPLACED]]


async def test_a_loss_that_was_noted_is_later_than_the_one_before(store: Store) -> None:
    """A clock that has gone back with its store must not hide it."""
    await store.redis.set(store.key("changed"), 2**50)
    assert await store.log.note_change(store.partition(), known_ms=2**50)
    assert await changed_ms(store) == 2**50 + 1


async def test_every_reader_tells_and_counts_another_run_once(
    store: Store, readers: tuple[Reader, Reader]
) -> None:
    for reader in readers:
        reader.view._history._runs[store.partition()] = "former"
    await come_back(store)
    for _ in range(2):
        for reader in readers:
            await reader.read()
    for reader in readers:
        assert reader.told == [RESTARTED]
        assert len(reader.telemetry.of("store_run_changed")) == 1


@pytest.mark.row("one-ahead-after-loss")
async def test_one_ahead_goes_forward_in_another_run_before_anybody_has_noted_it(store: Store) -> None:
    token = await store.open()
    await store.log.read(store.partition(), None)
    lost = token.successor(pepper=token.pepper, rotation_salt=b"lost" * 8)
    outcome = await store.rotate(lost)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.INVALID
    await come_back(store)
    assert isinstance(await store.rotate(lost), Rotated)


@pytest.mark.usefixtures("one_server")
async def test_a_user_that_may_not_ask_for_the_run_reads_all_the_same(store: Store) -> None:
    await store.redis.execute_command("ACL", "SETUSER", "default", "-info")
    try:
        page = await store.log.read(store.partition(), None)
        assert (page.run, page.is_noted) == ("", True)
    finally:
        await store.redis.execute_command("ACL", "SETUSER", "default", "+info")
