"""What is known of sessions, and in which order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from sessiond_server.domain.session import Device
from sessiond_server.service.storage.sessions import SessionCursor
from tests.support.fakes import RecordingLogger
from tests.support.store import LIFETIMES, Store, connected, first_token

if TYPE_CHECKING:
    from collections.abc import Collection


async def pages(store: Store, *, limit: int, client_ids: Collection[str] | None = None) -> list[list[object]]:
    """The ids of all pages of alice's sessions."""
    found, after = [], None
    while True:
        page = await store.list(client_ids=client_ids, limit=limit, after=after)
        found.append([session.id for session in page.sessions])
        if page.next is None:
            return found
        assert isinstance(page.next, SessionCursor)
        after = page.next


async def test_what_a_login_said_comes_back(store: Store) -> None:
    login = {
        "tenant_id": "acme",
        "audiences": ("a", "b"),
        "scopes": ("orders:read",),
        "claims_json": '{"plan": "gold"}',
        "auth_time": 1_700_000_000,
        "acr": "2",
        "amr": ("pwd",),
        "device": Device("192.0.2.1", "Mozilla", "phone"),
        "attributes": (("shop", "7"),),
    }
    token, created = await store.create("alice", **login)
    found = await store.sessions.get(token.session)
    assert found == created.session
    assert found is not None
    assert {name: getattr(found.login, name) for name in login} == login
    assert found.absolute_expire_ms - found.created_ms == LIFETIMES.absolute_ms
    assert found.idle_expire_ms - found.created_ms == LIFETIMES.idle_ms


async def test_sessions_that_are_not_live_are_not_there(store: Store) -> None:
    ended, idle, old = [await store.open() for _ in range(3)]
    await store.end(ended.session)
    await store.age(idle.session, LIFETIMES.idle_ms)
    await store.age(old.session, LIFETIMES.absolute_ms)
    for token in (ended, idle, old, first_token()):
        assert await store.sessions.get(token.session) is None
    assert await pages(store, limit=10) == [[]]


async def test_newest_first_in_pages(store: Store) -> None:
    lifetimes = [replace(LIFETIMES, absolute_ms=LIFETIMES.absolute_ms + second * 1000) for second in range(7)]
    tokens = [await store.open(lifetimes=one) for one in lifetimes]
    newest_first = [token.session for token in reversed(tokens)]
    assert await pages(store, limit=3) == [newest_first[:3], newest_first[3:6], newest_first[6:]]


async def test_every_session_is_on_one_page_though_many_began_at_once(store: Store) -> None:
    tokens = await asyncio.gather(*(store.open() for _ in range(40)))
    found = await pages(store, limit=7)
    assert [len(page) for page in found] == [7, 7, 7, 7, 7, 5]
    assert sorted(session.raw for page in found for session in page) == sorted(
        token.session.raw for token in tokens
    )


async def test_a_full_last_page_has_none_behind_it(store: Store) -> None:
    for _ in range(4):
        await store.open()
    assert [len(page) for page in await pages(store, limit=2)] == [2, 2]


async def test_others_sessions_are_not_listed(store: Store) -> None:
    await store.open("bob")
    assert await pages(store, limit=10) == [[]]


async def test_pages_of_some_clients_are_full_and_name_no_session_of_another(store: Store) -> None:
    lifetimes = [replace(LIFETIMES, absolute_ms=LIFETIMES.absolute_ms + second * 1000) for second in range(9)]
    opened = [
        await store.create(lifetimes=one, client_id="web" if number % 3 == 2 else "app")
        for number, one in enumerate(lifetimes)
    ]
    ours = [token.session for token, _ in reversed(opened[2::3])]
    assert await pages(store, limit=2, client_ids=["web"]) == [ours[:2], ours[2:]]
    page = await store.list(client_ids=["web"], limit=2)
    assert page.next is not None
    assert page.next.session == ours[1]
    assert (await store.list(client_ids=["web"], limit=3)).next is None


async def test_no_client_is_not_every_client(store: Store) -> None:
    await store.open()
    assert await pages(store, limit=10, client_ids=[]) == [[]]


async def test_an_index_that_names_somebody_elses_session_shows_none(store: Store) -> None:
    logger = RecordingLogger()
    watched = connected(store.redis, partitions=len(store.partitions), logger=logger)
    ours, theirs = await watched.open(), await watched.open(watched.neighbour)
    await watched.redis.zadd(watched.index_key(), {theirs.session.raw + theirs.session.hashed: 2**52})
    found = await watched.list()
    assert [one.id for one in found.sessions] == [ours.session]
    assert logger.said("the index of a subject names somebody else's session") == [
        {"session_id": str(theirs.session)}
    ]
