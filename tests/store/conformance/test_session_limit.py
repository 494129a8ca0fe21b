"""How many sessions a subject may have, and what makes room for one more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.formats import CANDIDATE
from sessiond_server.adapters.store.records import index_key
from sessiond_server.adapters.store.scripts.catalogue import MAKE_ROOM
from sessiond_server.domain.failures import LoginRefusal, LoginRefusedError, RevocationLogFullError
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause, Login
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import Eviction, NewSession
from tests.support.store import ENTRY_LIFE_MS, HOUR, ISSUER, LIFETIMES, Store, at_most, connected, first_token

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import Created

POLICIES = [pytest.param(one, id=one.value) for one in Eviction]


def limited(store: Store, sessions: int, eviction: Eviction = Eviction.OLDEST, **settings: int) -> Store:
    rules = replace(at_most(sessions), eviction=eviction)
    return connected(store.redis, partitions=len(store.partitions), rules=rules, **settings)


async def opened(store: Store, sessions: int) -> list[RefreshToken]:
    """Sessions of alice that began an hour apart, the oldest first."""
    tokens = [await store.open() for _ in range(sessions)]
    for at, token in enumerate(tokens):
        await store.age(token.session, HOUR * (sessions - at))
        await indexed(store, token)
    return tokens


async def indexed(store: Store, token: RefreshToken) -> None:
    expire_ms = (await store.header(token.session)).absolute_expire_ms
    await store.redis.zadd(store.index_key(), {token.session.raw + token.session.hashed: expire_ms})


async def live(store: Store, tokens: list[RefreshToken]) -> list[bool]:
    return [await store.sessions.get(token.session) is not None for token in tokens]


async def create(store: Store, token: RefreshToken) -> Created:
    login = Login(ISSUER, "alice", "app")
    return await store.sessions.create(
        NewSession(token.session, login, LIFETIMES, token.pepper.id, token.secret_hash, ENTRY_LIFE_MS)
    )


async def test_the_oldest_ends_however_lately_it_was_used(store: Store) -> None:
    store = limited(store, 2)
    tokens = await opened(store, 2)
    await store.next(tokens[0])
    await store.open()
    assert await live(store, tokens) == [False, True]


async def test_the_one_ends_that_was_used_longest_ago(store: Store) -> None:
    store = limited(store, 3, Eviction.LEAST_RECENT)
    tokens = await opened(store, 3)
    await store.next(tokens[0])
    _, created = await store.create()
    assert [entry.hashed_id for entry in created.logged.revocations] == [tokens[1].session.hashed]
    assert created.ended == (tokens[1].session,)
    assert (await store.header(tokens[1].session)).cause == Cause.SESSION_LIMIT
    assert await live(store, tokens) == [True, False, True]


async def test_none_ends_where_the_new_one_is_refused(store: Store) -> None:
    store = limited(store, 2, Eviction.DENY)
    tokens, refused = await opened(store, 2), first_token()
    with pytest.raises(LoginRefusedError) as failed:
        await create(store, refused)
    assert failed.value.why is LoginRefusal.SESSION_LIMIT
    assert await live(store, tokens) == [True, True]
    assert await store.redis.exists(store.record_key(refused.session)) == 0
    assert await store.redis.zcard(store.index_key()) == 2


@pytest.mark.parametrize("policy", POLICIES)
async def test_what_is_over_goes_first_and_does_not_count(store: Store, policy: Eviction) -> None:
    store = limited(store, 4, policy)
    kept, idle, old, ended = await opened(store, 4)
    await store.age(idle.session, LIFETIMES.idle_ms)
    await store.age(old.session, LIFETIMES.absolute_ms)
    await store.end(ended.session)
    for _ in range(3):
        assert (await store.create())[1].logged.revocations == ()
    assert await live(store, [kept]) == [True]


@pytest.mark.parametrize("policy", POLICIES)
async def test_what_a_cutoff_hit_does_not_count(store: Store, policy: Eviction) -> None:
    store = limited(store, 1, policy)
    token, _ = await store.create(tenant_id="acme")
    tenant = Shared(RevocationType.TENANT, ISSUER, "acme")
    await store.stores.cutoffs.set(tenant, cutoff_life_ms=HOUR, entry_life_ms=HOUR)
    assert (await store.create())[1].logged.revocations == ()
    assert await live(store, [token]) == [False]


@pytest.mark.parametrize("policy", POLICIES)
async def test_the_same_session_stored_again_ends_no_other(store: Store, policy: Eviction) -> None:
    store = limited(store, 3, policy)
    tokens, new = await opened(store, 3 if policy is not Eviction.DENY else 2), first_token()
    await create(store, new)
    before = await live(store, tokens)
    assert (await create(store, new)).logged.revocations == ()
    assert await live(store, [*tokens, new]) == [*before, True]


@pytest.mark.parametrize("policy", [Eviction.OLDEST, Eviction.LEAST_RECENT])
async def test_the_new_session_never_makes_room_for_itself(store: Store, policy: Eviction) -> None:
    store = limited(store, 1, policy)
    (token,) = await opened(store, 1)
    await store.change(token.session, created_ms=2**47)
    short = await store.open(lifetimes=replace(LIFETIMES, absolute_ms=HOUR))
    assert await live(store, [token, short]) == [False, True]


@pytest.mark.parametrize("policy", [Eviction.OLDEST, Eviction.LEAST_RECENT])
async def test_all_that_are_too_many_end_at_once(store: Store, policy: Eviction) -> None:
    for _ in range(230):
        await store.open()
    await limited(store, 5, policy).open()
    assert len((await store.list(limit=300)).sessions) == 5


async def test_what_was_used_since_it_was_chosen_stays(store: Store) -> None:
    used, unused = await opened(store, 2)
    chosen = [
        CANDIDATE.pack(one.raw + one.hashed, (await store.header(one)).created_ms)
        for one in (used.session, unused.session)
    ]
    await store.next(used)
    made = await store.scripts.run(
        MAKE_ROOM,
        store.partition(),
        index=index_key(ISSUER, "alice"),
        candidates=b"".join(chosen),
        max_sessions=1,
        entry_life_ms=ENTRY_LIFE_MS,
    )
    assert made.excess == 0
    assert await live(store, [used, unused]) == [True, False]


async def test_an_index_that_names_somebody_elses_session_makes_no_room_with_it(store: Store) -> None:
    store = limited(store, 1)
    theirs = await store.open(store.neighbour)
    await store.redis.zadd(store.index_key(), {theirs.session.raw + theirs.session.hashed: 2**51})
    await store.open()
    assert await live(store, [theirs]) == [True]


async def test_a_full_log_refuses_what_others_would_end_for_before_it_is_stored(store: Store) -> None:
    store = limited(store, 1, max_log_entries=1)
    await store.end((await store.open()).session)
    tokens, refused = [await store.open()], first_token()
    with pytest.raises(RevocationLogFullError):
        await create(store, refused)
    assert await live(store, [*tokens, refused]) == [True, False]
