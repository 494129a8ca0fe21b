"""The latest events of the log: in order, held for a while, and found again by whoever comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sessiond_server.domain.failures import WatchFellBehindError
from sessiond_server.domain.revocation import CHAIN_START, Position, chain_tag, from_revision
from sessiond_server.service.revocation.events import Event, EventReader, RevocationEvents
from sessiond_server.service.storage.revocations import LogPage
from tests.support.fakes import FakeClock
from tests.support.revocations import revocation

INCARNATION = b"i" * 16


def numbers(events: list[Event]) -> list[int]:
    return [int.from_bytes(event.revocation.hashed_id, "big") for event in events]


@dataclass
class Log:
    """The log of one partition; what is appended makes the page that brings it."""

    partition: int = 0
    position: Position = field(init=False)

    def __post_init__(self) -> None:
        self.position = Position(INCARNATION, self.partition, 0, CHAIN_START)

    def append(self, *ids: int, **changes: Any) -> LogPage:
        for number in ids:
            tag = chain_tag(self.position.tag, revocation(number).pack())
            self.position = replace(self.position, number=self.position.number + 1, tag=tag)
        page = LogPage(
            tuple(map(revocation, ids)),
            self.position,
            continues=True,
            reached_head=True,
            store_ms=0,
            run="",
            is_noted=True,
            changed_ms=0,
        )
        return replace(page, **changes)


@dataclass
class Followed:
    """Events that are fed from two logs, which have been read to their ends."""

    clock: FakeClock = field(default_factory=FakeClock)
    events: RevocationEvents = field(init=False)
    logs: tuple[Log, Log] = field(default_factory=lambda: (Log(0), Log(1)))

    def __post_init__(self) -> None:
        self.events = RevocationEvents(clock=self.clock, kept=4, at_most=6)
        for log in self.logs:
            self.events.follow(log.append(continues=False))

    def append(self, partition: int, *ids: int, **changes: Any) -> None:
        self.events.follow(self.logs[partition].append(*ids, **changes))

    def reader(self, revision: str | None = None) -> EventReader:
        positions = from_revision(revision) if revision else None
        after = {one.partition: one for one in positions} if positions else None
        return EventReader(self.events, after)


@pytest.fixture
def followed() -> Followed:
    return Followed()


def read(reader: EventReader) -> list[Event]:
    found = []
    while event := reader.read():
        found.append(event)
    return found


def test_a_reader_gets_what_comes_after_it_was_opened(followed: Followed) -> None:
    followed.append(0, 1)
    reader = followed.reader()
    assert read(reader) == []
    followed.append(1, 2)
    followed.append(0, 3, 4)
    assert numbers(read(reader)) == [2, 3, 4]
    assert not reader.begins_anew()


def test_an_entry_is_an_event_however_often_its_id_was_revoked(followed: Followed) -> None:
    reader = followed.reader()
    followed.append(0, 1)
    followed.append(0, 1)
    assert numbers(read(reader)) == [1, 1]


def test_an_event_says_exactly_where_it_stands(followed: Followed) -> None:
    reader = followed.reader()
    followed.append(1, 1)
    followed.append(0, 2, 3)
    first, second, third = read(reader)
    assert third.revision == followed.events.revision
    assert third.position == followed.logs[0].position
    for event, rest in ((first, [2, 3]), (second, [3]), (third, [])):
        assert numbers(read(followed.reader(event.revision))) == rest


def test_who_comes_back_knows_each_partition_as_far_as_it_says(followed: Followed) -> None:
    known = {0: followed.logs[0].position}
    followed.append(0, 1)
    followed.append(1, 2)
    known[1] = followed.logs[1].position
    followed.append(1, 3)
    followed.append(0, 4)
    reader = EventReader(followed.events, known)
    assert numbers(read(reader)) == [1, 3, 4]


def test_events_are_held_while_there_are_few_or_while_they_are_young(followed: Followed) -> None:
    start = followed.events.revision
    followed.append(0, 1, 2, 3, 4, 5)
    assert numbers(read(followed.reader(start))) == [1, 2, 3, 4, 5]
    followed.clock.at += 5.1
    after_five = followed.events.revision
    followed.append(0, 6)
    assert followed.reader(start).begins_anew()
    assert numbers(read(followed.reader(after_five))) == [6]
    assert followed.events.end == 6


def test_a_flood_is_not_held_however_young_it_is(followed: Followed) -> None:
    start = followed.events.revision
    followed.append(0, *range(1, 8))
    assert followed.reader(start).begins_anew()


def test_who_comes_back_to_the_oldest_event_that_is_held_lacks_nothing(followed: Followed) -> None:
    followed.append(0, 1)
    known = followed.events.revision
    followed.append(0, *range(2, 8))
    reader = followed.reader(known)
    assert not reader.begins_anew()
    assert numbers(read(reader)) == [2, 3, 4, 5, 6, 7]


def test_who_reads_too_slowly_is_told(followed: Followed) -> None:
    reader = followed.reader()
    followed.append(0, *range(1, 8))
    with pytest.raises(WatchFellBehindError):
        reader.read()


@pytest.mark.parametrize("change", [{"incarnation": b"o" * 16}, {"number": 9}, {"tag": "0" * 16}])
def test_who_knows_another_history_begins_anew(followed: Followed, change: dict[str, Any]) -> None:
    followed.append(0, 1)
    known = {log.partition: log.position for log in followed.logs}
    followed.append(0, 2)
    known[0] = replace(known[0], **change)
    reader = EventReader(followed.events, known)
    assert reader.begins_anew()
    assert not reader.begins_anew()
    assert read(reader) == []
    followed.append(0, 3)
    assert numbers(read(reader)) == [3]


def test_who_knows_one_partition_alone_begins_anew(followed: Followed) -> None:
    assert EventReader(followed.events, {0: followed.logs[0].position}).begins_anew()


def test_a_page_that_does_not_go_on_has_every_reader_begin_anew(followed: Followed) -> None:
    followed.append(0, 1)
    reader, known = followed.reader(), followed.events.revision
    followed.append(0, 2)
    other = Log(0)
    followed.events.follow(other.append(7, 8, continues=False, reached_head=False))
    # It is not known yet what has changed, so that nothing may be told either.
    assert numbers(read(reader)) == [2]
    assert not reader.begins_anew()
    followed.events.follow(other.append(9))
    assert reader.begins_anew()
    assert read(reader) == []
    assert followed.reader(known).begins_anew()
    followed.events.follow(other.append(10))
    assert numbers(read(reader)) == [10]
    assert numbers(read(followed.reader(followed.events.revision))) == []


def test_so_does_one_that_does_not_say_what_there_was_between(followed: Followed) -> None:
    reader = followed.reader()
    followed.append(0, continues=False)
    assert reader.begins_anew()


def test_who_comes_back_while_a_partition_is_read_anew_begins_anew_after_it(followed: Followed) -> None:
    followed.append(1, 1)
    followed.append(0, 2)
    other = Log(1)
    followed.events.follow(other.append(7, continues=False, reached_head=False))
    reader = EventReader(followed.events, {0: replace(followed.logs[0].position, number=0, tag=CHAIN_START)})
    assert not reader.begins_anew()
    assert numbers(read(reader)) == [2]
    followed.events.follow(other.append(8))
    assert reader.begins_anew()


def test_entries_that_do_not_lead_to_where_a_page_ends_are_not_taken_for_events(followed: Followed) -> None:
    reader = followed.reader()
    page = followed.logs[0].append(1, 2)
    followed.events.follow(replace(page, revocations=page.revocations[:1]))
    assert reader.begins_anew()
    assert read(reader) == []


def test_what_this_server_tells_itself_has_no_place_in_the_log(followed: Followed) -> None:
    reader, known = followed.reader(), followed.events.revision
    (event,) = followed.events.add_own([revocation(1)])
    assert (event.revision, event.position) == ("", None)
    assert read(reader) == [event]
    # Whoever comes back is told of it otherwise, whatever else it has missed.
    followed.append(0, 2)
    assert numbers(read(followed.reader(known))) == [2]


async def test_whoever_waits_is_woken(followed: Followed) -> None:
    waiting = asyncio.create_task(followed.events.waiters.wait(at_most=60))
    await asyncio.sleep(0)
    followed.append(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    followed.append(0, 1)
    async with asyncio.timeout(30):
        await waiting
