"""What is read of a real log becomes events, which say exactly where they stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessiond_server.domain.revocation import from_revision
from sessiond_server.service.revocation.events import Event, EventReader
from tests.support.fakes import FakeClock
from tests.support.revocations import viewed

if TYPE_CHECKING:
    from sessiond_server.service.revocation.events import RevocationEvents
    from sessiond_server.service.revocation.follow import Revocations
    from tests.support.store import Store

SUBJECTS = [f"user-{number}" for number in range(8)]


async def followed(store: Store) -> tuple[Revocations, RevocationEvents]:
    """A view that has been read, and its events."""
    view = viewed(store, FakeClock())
    await read(view, store)
    return view, view.events


async def read(view: Revocations, store: Store) -> None:
    for partition in store.log.partitions():
        await view.catch_up(partition)


async def end_a_session_of_each(store: Store) -> set[bytes]:
    ended = set()
    for subject in SUBJECTS:
        token = await store.open(subject)
        ended |= {one.hashed_id for one in (await store.end(token.session)).logged.revocations}
    return ended


def read_from(events: RevocationEvents, revision: str) -> tuple[list[Event], bool]:
    """What whoever knows everything up to `revision` is told, and whether it has to begin anew."""
    reader = EventReader(events, {one.partition: one for one in from_revision(revision) or ()})
    begins_anew, found = reader.begins_anew(), []
    while event := reader.read():
        found.append(event)
    return found, begins_anew


async def test_every_entry_is_an_event_in_its_place(store: Store) -> None:
    await end_a_session_of_each(store)
    view, events = await followed(store)
    start = events.revision
    ended = await end_a_session_of_each(store)
    await read(view, store)
    found, begins_anew = read_from(events, start)
    assert not begins_anew
    assert {event.revocation.hashed_id for event in found} == ended
    assert set(from_revision(events.revision) or ()) == set(from_revision(view.revision) or ())
    for number, event in enumerate(found, start=1):
        rest, begins_anew = read_from(events, event.revision)
        assert not begins_anew
        assert rest == found[number:]


async def test_who_was_told_by_one_server_goes_on_at_another(store: Store) -> None:
    view, events = await followed(store)
    other_view, other_events = await followed(store)
    await end_a_session_of_each(store)
    # This one reads them one after the other, and the other one all at once.
    await read(view, store)
    known = events.revision
    ended = await end_a_session_of_each(store)
    await read(other_view, store)
    found, begins_anew = read_from(other_events, known)
    assert not begins_anew
    assert {event.revocation.hashed_id for event in found} == ended


async def test_a_log_that_is_gone_has_everybody_begin_anew(store: Store) -> None:
    view, events = await followed(store)
    await end_a_session_of_each(store)
    await read(view, store)
    known = events.revision
    await store.redis.flushall()
    await end_a_session_of_each(store)
    await read(view, store)
    assert read_from(events, known) == ([], True)
    assert read_from(events, events.revision) == ([], False)
