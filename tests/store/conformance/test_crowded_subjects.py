"""A subject that has very many sessions: no script looks at more than a few, and none of them is missed."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.limits import MEMBERS_A_CALL
from sessiond_server.domain.failures import LoginRefusedError
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.sessions import Eviction, SessionCursor
from tests.support.leases import Provider, tokens
from tests.support.store import HOUR, ISSUER, LIFETIMES, Store, at_most, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond_server.domain.refresh_token import RefreshToken

# A logout looks at who else lives by a provider's session or refresh token too.
MOST_READS_OF_A_LOGOUT = 6 * MEMBERS_A_CALL
# A script reads the header of each session that it looks at; of one that it ends also the ids of its access
# tokens, and whether the spared one lives by the same of its provider's.
MOST_READS = 3 * MEMBERS_A_CALL + 2


def at(after_ms: int) -> int:
    """A moment so much later than now."""
    return round(time.time() * 1000) + after_ms


async def stale(store: Store, members: int, *, score: int) -> None:
    """Members of alice's index whose records the store does not have."""
    await store.redis.zadd(store.index_key(), {os.urandom(32): score for _ in range(members)})


@asynccontextmanager
async def no_script_reads_much(store: Store, *, most: int = MOST_READS) -> AsyncIterator[list[int]]:
    """How often each script has read from a record, which none is to do more often than it may."""
    evaluate, found = store.scripts._evaluate, []

    async def read() -> int:
        calls = (await store.redis.info("commandstats")).get("cmdstat_getrange", {"calls": 0})["calls"]
        return int(calls)

    async def counted(*given: Any) -> Any:
        before = await read()
        reply = await evaluate(*given)
        found.append(await read() - before)
        return reply

    store.scripts._evaluate = counted
    yield found
    assert max(found) <= most


@pytest.mark.parametrize("eviction", list(Eviction))
async def test_a_login(store: Store, eviction: Eviction) -> None:
    rules = replace(at_most(300), eviction=eviction)
    store = connected(store.redis, partitions=len(store.partitions), rules=rules)
    for score in (1, at(HOUR), at(2 * LIFETIMES.absolute_ms)):
        await stale(store, 1000, score=score)
    async with no_script_reads_much(store) as reads:
        token, _ = await store.create()
    assert sum(reads) > 1000
    assert await store.sessions.get(token.session) is not None


async def test_a_login_that_is_refused(store: Store) -> None:
    for _ in range(250):
        await store.open()
    rules = replace(at_most(250), eviction=Eviction.DENY)
    store = connected(store.redis, partitions=len(store.partitions), rules=rules)
    async with no_script_reads_much(store):
        with pytest.raises(LoginRefusedError):
            await store.open()


async def test_members_that_have_expired_go_a_few_a_login(store: Store) -> None:
    await stale(store, 1000, score=1)
    await store.open()
    assert await store.redis.zcard(store.index_key()) == 1001 - MEMBERS_A_CALL


async def test_a_listing(store: Store) -> None:
    opened = [await store.open() for _ in range(3)]
    for score in (at(HOUR), at(2 * LIFETIMES.absolute_ms)):
        await stale(store, 1000, score=score)
    async with no_script_reads_much(store) as reads:
        page = await store.list(limit=3)
    assert sum(reads) > 2000
    assert {one.id for one in page.sessions} == {token.session for token in opened}
    assert page.next is None


async def test_a_listing_of_one_client_of_many(store: Store) -> None:
    ours, _ = await store.create(client_id="web")
    for _ in range(210):
        await store.open()
    async with no_script_reads_much(store):
        page = await store.list(client_ids=["web"])
    assert [one.id for one in page.sessions] == [ours.session]


async def test_a_listing_goes_on_where_its_last_session_has_ended(store: Store) -> None:
    opened = await asyncio.gather(*(store.create() for _ in range(40)))
    places = sorted((one.session.absolute_expire_ms, one.session.id.raw) for _, one in opened)
    assert len({expire_ms for expire_ms, _ in places}) < 40
    found, after = [], None
    while len(found) < 40:
        (one,) = (await store.list(limit=1, after=after)).sessions
        found.append((one.absolute_expire_ms, one.id.raw))
        after = SessionCursor(one.absolute_expire_ms, one.id)
        await store.end(one.id)
    assert found == places[::-1]


async def test_the_end_of_all(store: Store) -> None:
    first = [await store.open() for _ in range(150)]
    for score in (at(HOUR), at(2 * LIFETIMES.absolute_ms)):
        await stale(store, 1000, score=score)
    async with no_script_reads_much(store) as reads:
        ended = await store.end_subject()
    assert sum(reads) > 2000
    assert ended.count == 150
    types = [entry.type for entry in ended.logged.revocations]
    assert types == [RevocationType.SUBJECT] + [RevocationType.SESSION] * 150
    assert not any([await store.sessions.get(token.session) for token in first])


async def test_the_end_of_all_sessions_of_a_provider_but_one(provider: Provider) -> None:
    store = provider.store
    spared, _ = await store.create(tokens=tokens("1"), provider_session="ses_1")
    for number in range(2, 130):
        session = f"ses_{number % 2 + 1}"
        await store.create(tokens=tokens(str(number), session=session), provider_session=session)
    async with no_script_reads_much(store) as reads:
        ended = await store.end_subject(spared=spared.session)
    assert ended.count == 128
    assert len(reads) > 1
    types = [entry.type for entry in ended.logged.revocations]
    # The one that the spared session lives by goes on; the other is revoked, up to the cutoff.
    sessions = [one for one in ended.logged.revocations if one.type is RevocationType.PROVIDER_SESSION]
    assert types.count(RevocationType.TOKEN) == 128
    assert {one.hashed_id for one in sessions} == {hashed_id("provider_session", ISSUER, "ses_2")}
    assert {one.not_before_ms for one in sessions} == {ended.logged.revocations[0].not_before_ms}
    assert await store.sessions.get(spared.session) is not None


async def test_the_end_of_all_goes_on_where_the_spared_session_ends_meanwhile(store: Store) -> None:
    spared, *others = [await store.open() for _ in range(MEMBERS_A_CALL + 10)]
    evaluate = store.scripts._evaluate

    async def overtaken(*given: Any) -> Any:
        reply = await evaluate(*given)
        store.scripts._evaluate = evaluate
        await store.end(spared.session)
        return reply

    store.scripts._evaluate = overtaken
    assert (await store.end_subject(spared=spared.session)).count == len(others)


async def test_the_same_end_of_all_is_logged_again_where_a_session_may_have_begun(store: Store) -> None:
    await stale(store, MEMBERS_A_CALL + 10, score=at(HOUR))
    store.stop_at(int((await store.redis.time())[0]) * 1000 + 60_000)
    await store.end_subject()
    await store.open()
    ended = await store.end_subject()
    types = [entry.type for entry in ended.logged.revocations]
    assert types == [RevocationType.SUBJECT, RevocationType.SESSION]


async def opened_by(provider: Provider, session: str, *, sessions: int, first: int = 1) -> list[RefreshToken]:
    """Sessions of alice that live by one session of the provider, each with a refresh token of its own."""
    given = [tokens(str(first + number), session=session) for number in range(sessions)]
    return [(await provider.store.create(tokens=one, provider_session=session))[0] for one in given]


async def live(store: Store, found: list[RefreshToken]) -> int:
    return sum([await store.sessions.get(token.session) is not None for token in found])


@pytest.mark.slow
async def test_a_logout_of_all_that_live_by_a_session_of_the_provider(provider: Provider) -> None:
    store = provider.store
    found = await opened_by(provider, "ses_1", sessions=150)
    (other,) = await opened_by(provider, "ses_2", sessions=1, first=1000)
    for score in (at(HOUR), at(2 * LIFETIMES.absolute_ms)):
        await stale(store, 1000, score=score)
    async with no_script_reads_much(store, most=MOST_READS_OF_A_LOGOUT) as reads:
        ended = await provider.log_out(session="ses_1")
    assert sum(reads) > 2000
    assert ended.count == 150
    assert set(ended.ended) == {token.session for token in found}
    assert await live(store, found) == 0
    types = [entry.type for entry in ended.logged.revocations]
    assert types.count(RevocationType.PROVIDER_SESSION) == 1
    assert await store.sessions.get(other.session) is not None
    assert sorted(await provider.queued()) == sorted(f"refresh-{number}" for number in range(1, 151))
    assert (await provider.log_out(session="ses_1")).logged.revocations == ()


async def test_a_logout_by_an_access_token_alone(provider: Provider) -> None:
    store = provider.store
    opened = [(await store.create(tokens=tokens(str(number), session=None)))[0] for number in range(1, 131)]
    async with no_script_reads_much(store, most=MOST_READS_OF_A_LOGOUT):
        assert (await provider.log_out(session=None, token_id="jti-1")).count == 1
        assert (await provider.log_out(session=None, token_id="jti-130")).count == 1
    assert await live(store, opened) == 128


async def test_the_end_of_one_of_very_many(provider: Provider) -> None:
    """It may be the last that lives by its session of the provider, and by its refresh token."""
    store = provider.store
    one, other = await opened_by(provider, "ses_1", sessions=2)
    await opened_by(provider, "ses_2", sessions=120, first=3)
    for score in (at(HOUR), at(2 * LIFETIMES.absolute_ms)):
        await stale(store, 1000, score=score)
    async with no_script_reads_much(store, most=10):
        first = await store.end(one.session)
        last = await store.end(other.session)
    ended = [
        {entry.type for entry in one.logged.revocations} & {RevocationType.PROVIDER_SESSION}
        for one in (first, last)
    ]
    assert ended == [set(), {RevocationType.PROVIDER_SESSION}]


class ServerEndedError(Exception):
    """A server ends."""


def interrupted_after(store: Store, scripts: int) -> None:
    """The server ends when so many scripts have run."""
    evaluate, left = store.scripts._evaluate, scripts

    async def run(*given: Any) -> Any:
        nonlocal left
        if not left:
            store.scripts._evaluate = evaluate
            raise ServerEndedError
        left -= 1
        return await evaluate(*given)

    store.scripts._evaluate = run


async def test_a_logout_that_was_interrupted_is_taken_up(provider: Provider) -> None:
    store = provider.store
    found = await opened_by(provider, "ses_1", sessions=2 * MEMBERS_A_CALL + 10)
    interrupted_after(store, 1)
    with pytest.raises(ServerEndedError):
        await provider.log_out(session="ses_1")
    assert await live(store, found) == MEMBERS_A_CALL + 10
    # Who has logged in since was not meant.
    (later,) = await opened_by(provider, "ses_1", sessions=1, first=1000)
    ended = await provider.log_out(session="ses_1")
    assert ended.count == MEMBERS_A_CALL + 10
    assert await live(store, found) == 0
    assert await store.sessions.get(later.session) is not None
    # It goes on, and so does the session of the provider that it lives by.
    types = {entry.type for entry in ended.logged.revocations}
    assert RevocationType.PROVIDER_SESSION not in types
    assert (await provider.log_out(session="ses_1")).count == 0


async def test_a_later_logout_behind_an_interrupted_one_is_one_of_its_own(provider: Provider) -> None:
    store = provider.store
    await opened_by(provider, "ses_1", sessions=MEMBERS_A_CALL + 10)
    interrupted_after(store, 1)
    with pytest.raises(ServerEndedError):
        await provider.log_out(session="ses_1")
    (later,) = await opened_by(provider, "ses_1", sessions=1, first=1000)
    ended = await provider.log_out(session="ses_1", started_ms=at(HOUR))
    assert ended.count == 11
    assert await store.sessions.get(later.session) is None


async def test_a_login_while_a_logout_goes_on_stays(provider: Provider) -> None:
    store = provider.store
    await opened_by(provider, "ses_1", sessions=MEMBERS_A_CALL + 10)
    evaluate, later = store.scripts._evaluate, []

    async def overtaken(*given: Any) -> Any:
        reply = await evaluate(*given)
        store.scripts._evaluate = evaluate
        later.extend(await opened_by(provider, "ses_1", sessions=1, first=1000))
        return reply

    store.scripts._evaluate = overtaken
    ended = await provider.log_out(session="ses_1")
    assert ended.count == MEMBERS_A_CALL + 10
    assert await live(store, later) == 1


async def test_a_logout_ends_what_has_begun_ahead_of_the_clock(provider: Provider) -> None:
    """A store that was failed over to may have an earlier time."""
    store, now_ms = provider.store, at(0)
    store.stop_at(now_ms + 60_000)
    found = await opened_by(provider, "ses_1", sessions=MEMBERS_A_CALL + 10)
    store.stop_at(now_ms)
    assert (await provider.log_out(session="ses_1")).count == len(found)


async def keys_of_sharers(store: Store) -> list[bytes]:
    return [key async for key in store.redis.scan_iter("*}by:*")]


async def test_what_says_who_lives_by_what_goes_with_the_sessions(provider: Provider) -> None:
    store = provider.store
    token = await provider.open()
    keys = await keys_of_sharers(store)
    assert len(keys) == 2
    longest = LIFETIMES.absolute_ms + 24 * HOUR
    for key in keys:
        assert LIFETIMES.absolute_ms < await store.redis.pttl(key) <= longest
    rotated = await provider.exchange(token, "2")
    # The former refresh token is nobody's any more.
    assert len(await keys_of_sharers(store)) == 2
    assert set(await keys_of_sharers(store)) != set(keys)
    keys = await keys_of_sharers(store)
    successor = token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)
    rotation, leased = await provider.lease(successor)
    await provider.leases.hold(rotation, leased, "refresh-3", refresh_life_ms=None)
    assert len(await keys_of_sharers(store)) == 2
    assert set(await keys_of_sharers(store)) != set(keys)
    await store.end(rotated.session.id)
    assert await keys_of_sharers(store) == []


async def test_sessions_of_which_nothing_says_by_what_they_live_are_looked_for(provider: Provider) -> None:
    """Those of earlier builds, or where a store has lost it."""
    store = provider.store
    one, other, third = await opened_by(provider, "ses_1", sessions=3)
    await store.redis.delete(*await keys_of_sharers(store))
    ended = await store.end(one.session)
    assert RevocationType.PROVIDER_SESSION not in {entry.type for entry in ended.logged.revocations}
    assert (await provider.log_out(session="ses_1")).count == 2
    assert await live(store, [other, third]) == 0
