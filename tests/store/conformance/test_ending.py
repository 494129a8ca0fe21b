"""Ending sessions: one, all of a subject, and those that make room for others."""

from __future__ import annotations

import time

import pytest

from sessiond_server.domain.failures import Input, InputRefusedError, RefreshRefusal
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.fakes import RecordingLogger
from tests.support.store import ENTRY_LIFE_MS, HOUR, ISSUER, LIFETIMES, Store, at_most, connected, first_token


async def is_live(store: Store, token: object) -> bool:
    return await store.sessions.get(token.session) is not None


async def test_ending_counts_once(store: Store) -> None:
    token = await store.open()
    first, again = await store.end(token.session), await store.end(token.session)
    assert (first.count, again.count) == (1, 0)
    assert [entry.type for entry in first.logged.revocations] == [RevocationType.SESSION]
    assert again.logged.revocations == ()
    assert again.logged.position == first.logged.position


async def test_ending_what_is_unknown_writes_nothing(store: Store) -> None:
    # A server has seen this store before.
    await store.log.read(store.partition(), None)
    ended = await store.end(first_token().session)
    assert (ended.count, ended.logged.revocations, ended.logged.position.number) == (0, (), 0)


async def test_an_end_revokes_every_token_of_the_session_whenever_issued(store: Store) -> None:
    token = await store.open()
    (entry,) = (await store.end(token.session)).logged.revocations
    assert (entry.hashed_id, entry.not_before_ms) == (token.session.hashed, FOREVER_MS)


async def test_a_session_that_timed_out_counts_0_and_is_revoked_all_the_same(store: Store) -> None:
    token = await store.open()
    await store.age(token.session, LIFETIMES.idle_ms)
    ended = await store.end(token.session)
    assert (ended.count, len(ended.logged.revocations)) == (0, 1)


async def test_a_tombstone_keeps_its_cause_and_nothing_of_the_session(store: Store) -> None:
    token = await store.open()
    before = len(await store.record(token.session))
    await store.end(token.session, Cause.COMPROMISE)
    assert (await store.header(token.session)).cause == Cause.COMPROMISE
    assert len(await store.record(token.session)) < before
    await store.end(token.session, Cause.LOGOUT)
    assert (await store.header(token.session)).cause == Cause.COMPROMISE


async def test_a_tombstone_outlives_its_log_entry(store: Store) -> None:
    token = await store.open()
    await store.age(token.session, 29 * 24 * HOUR)
    (entry,) = (await store.end(token.session)).logged.revocations
    assert await store.redis.pexpiretime(store.record_key(token.session)) >= entry.expire_ms


async def test_all_sessions_of_a_subject_end_and_nobody_elses(store: Store) -> None:
    alices = [await store.open() for _ in range(3)]
    bobs = await store.open("bob")
    ended = await store.end_subject()
    assert ended.count == 3
    assert [await is_live(store, token) for token in alices] == [False] * 3
    assert await is_live(store, bobs)
    assert await store.redis.exists(store.index_key()) == 0


async def test_ending_a_subject_logs_its_cutoff(store: Store) -> None:
    await store.open()
    first, second = (await store.end_subject()).logged.revocations
    assert first.type is RevocationType.SUBJECT
    assert first.hashed_id == hashed_id("subject", ISSUER, "alice")
    assert second.type is RevocationType.SESSION
    assert first.not_before_ms + ENTRY_LIFE_MS == first.expire_ms


async def test_a_subject_without_sessions_gets_a_cutoff_too(store: Store) -> None:
    ended = await store.end_subject()
    assert (ended.count, len(ended.logged.revocations)) == (0, 1)


async def test_more_sessions_than_one_script_ends(store: Store) -> None:
    for _ in range(230):
        await store.open()
    ended = await store.end_subject()
    assert ended.count == 230
    assert len(ended.logged.revocations) == 231
    assert (await store.list()).sessions == ()


async def test_one_session_can_be_spared(store: Store) -> None:
    spared, other = await store.open(), await store.open()
    ended = await store.end_subject(spared=spared.session)
    assert ended.count == 1
    assert ended.logged.revocations[0].except_session == spared.session.hashed
    assert isinstance(await store.rotate(spared), Rotated)
    assert not await is_live(store, other)


async def test_an_exception_shelters_only_from_the_cutoff_that_names_it(store: Store) -> None:
    spared = await store.open()
    await store.end_subject(spared=spared.session)
    assert (await store.end_subject()).count == 1
    assert not await is_live(store, spared)


async def test_a_cutoff_before_the_exception_still_counts(store: Store) -> None:
    """Sessions that an earlier cutoff had ended do not come back because a later one spares them."""
    early = await store.open()
    header, record = await store.header(early.session), await store.record(early.session)
    (cutoff, *_) = (await store.end_subject()).logged.revocations
    late = await store.open()
    ended = await store.end_subject(spared=late.session)
    assert ended.logged.revocations[0].floor_ms == cutoff.not_before_ms
    await store.redis.set(store.record_key(early.session), record)
    assert header.created_ms <= cutoff.not_before_ms
    assert not await is_live(store, early)
    assert await is_live(store, late)


async def test_the_same_session_spared_twice_stays_spared(store: Store) -> None:
    spared = await store.open()
    for _ in range(2):
        await store.end_subject(spared=spared.session)
    assert await is_live(store, spared)


async def test_only_a_live_session_of_the_subject_can_be_spared(store: Store) -> None:
    ended = await store.open()
    await store.end(ended.session)
    alice = await store.open()
    for spared in (await store.open("bob"), ended, first_token()):
        with pytest.raises(InputRefusedError) as invalid:
            await store.end_subject(spared=spared.session)
        assert invalid.value.what is Input.SPARED_SESSION
    assert await is_live(store, alice)
    assert await store.redis.exists(store.key("cutoffs")) == 0


@pytest.mark.row("revoked")
async def test_a_session_under_a_cutoff_is_over_before_it_was_cleaned_up(store: Store) -> None:
    token = await store.open()
    record = await store.record(token.session)
    await store.end_subject()
    await store.redis.set(store.record_key(token.session), record)
    outcome = await store.rotate(token)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.REVOKED
    assert not await is_live(store, token)
    member = token.session.raw + token.session.hashed
    await store.redis.zadd(
        store.index_key(), {member: (await store.header(token.session)).absolute_expire_ms}
    )
    assert (await store.list()).sessions == ()


async def test_a_login_right_behind_a_cutoff_lives(store: Store) -> None:
    """Its creation is put after the cutoff, even where both fall into one millisecond."""
    for _ in range(20):
        (cutoff, *_) = (await store.end_subject()).logged.revocations
        token, created = await store.create()
        assert created.session.created_ms > cutoff.not_before_ms
        assert isinstance(await store.rotate(token), Rotated)


async def test_cutoffs_go_when_no_session_can_be_left(store: Store) -> None:
    await store.end_subject()
    cutoff = hashed_id("subject", ISSUER, "alice")
    await store.redis.zadd(store.key("cutoffs:x"), {cutoff: 1})
    await store.end_subject(store.neighbour)
    assert await store.redis.hexists(store.key("cutoffs"), cutoff) is False
    assert await store.redis.hlen(store.key("cutoffs")) == 1


async def test_the_oldest_session_makes_room(store: Store) -> None:
    limited = connected(store.redis, partitions=len(store.partitions), rules=at_most(3))
    tokens = [await limited.open() for _ in range(3)]
    for index, token in enumerate(tokens):
        await store.age(token.session, 1000 * (3 - index))
        header = await store.header(token.session)
        await store.redis.zadd(
            store.index_key(), {token.session.raw + token.session.hashed: header.absolute_expire_ms}
        )
    newest, created = await limited.create()
    assert [entry.hashed_id for entry in created.logged.revocations] == [tokens[0].session.hashed]
    assert (await store.header(tokens[0].session)).cause == Cause.SESSION_LIMIT
    assert [await is_live(store, token) for token in [*tokens, newest]] == [False, True, True, True]


async def test_sessions_that_are_over_make_room_first(store: Store) -> None:
    limited = connected(store.redis, partitions=len(store.partitions), rules=at_most(2))
    live, idle = await limited.open(), await limited.open()
    await store.age(idle.session, LIFETIMES.idle_ms)
    _, created = await limited.create()
    assert created.logged.revocations == ()
    assert await is_live(store, live)


async def test_no_exception_is_needed_to_name_none(store: Store) -> None:
    (cutoff,) = (await store.end_subject()).logged.revocations
    assert (cutoff.except_session, cutoff.floor_ms) == (NO_ID, 0)


async def test_the_end_of_a_lost_session_of_a_proven_token_is_written_once(store: Store) -> None:
    lost = first_token().session
    ended, again = await store.end(lost, is_proven=True), await store.end(lost, is_proven=True)
    (entry,) = ended.logged.revocations
    assert (entry.type, entry.hashed_id) == (RevocationType.SESSION, lost.hashed)
    assert entry.not_before_ms == FOREVER_MS
    assert (ended.count, again.count, again.logged.revocations) == (0, 0, ())
    assert again.logged.position == ended.logged.position
    assert await store.redis.pexpiretime(store.record_key(lost)) >= entry.expire_ms


async def test_an_unknown_session_ends_where_the_store_may_have_lost_it(store: Store) -> None:
    unknown = first_token().session
    await store.log.read(store.partition(), None)
    assert (await store.end(unknown)).logged.revocations == ()
    await store.log.note_change(store.partition(), known_ms=0)
    (entry,) = (await store.end(unknown)).logged.revocations
    assert (entry.type, entry.hashed_id) == (RevocationType.SESSION, unknown.hashed)
    assert (await store.end(unknown)).logged.revocations == ()
    # What was lost so long ago has no token any more that could be used.
    await store.redis.set(store.key("changed"), round(time.time() * 1000) - ENTRY_LIFE_MS)
    assert (await store.end(first_token().session)).logged.revocations == ()


@pytest.mark.row("revoked")
async def test_a_lost_session_that_was_ended_stays_ended(store: Store) -> None:
    token = first_token()
    await store.end(token.session, is_proven=True)
    outcome = await store.rotate(token)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.REVOKED


async def test_the_same_end_of_a_subject_within_a_second_logs_one_cutoff(store: Store) -> None:
    await store.open()
    second = int((await store.redis.time())[0]) * 1000 + 1000
    for at_ms, logged in ((second, 2), (second + 999, 0), (second + 1000, 1)):
        store.stop_at(at_ms)
        assert len((await store.end_subject()).logged.revocations) == logged


async def test_a_session_that_began_behind_a_cutoff_is_hit_by_the_next(store: Store) -> None:
    """It is put after the first cutoff, and so ahead of a clock that still shows the same millisecond."""
    store.stop_at((await store.header((await store.open()).session)).created_ms + 60_000)
    await store.end_subject()
    token = await store.open()
    ended = await store.end_subject()
    types = [entry.type for entry in ended.logged.revocations]
    assert types == [RevocationType.SUBJECT, RevocationType.SESSION]
    assert not await is_live(store, token)


async def test_a_cutoff_that_spares_another_session_is_logged_within_the_same_second(store: Store) -> None:
    first, second = await store.open(), await store.open()
    store.stop_at((await store.header(second.session)).created_ms)
    await store.end_subject(spared=first.session)
    ended = await store.end_subject()
    assert ended.logged.revocations[0].type is RevocationType.SUBJECT
    assert not await is_live(store, first)


async def test_an_index_that_names_somebody_elses_session_ends_none(store: Store) -> None:
    logger = RecordingLogger()
    watched = connected(store.redis, partitions=len(store.partitions), logger=logger)
    theirs = await watched.open(store.neighbour)
    await watched.redis.zadd(watched.index_key(), {theirs.session.raw + theirs.session.hashed: 2**52})
    assert (await watched.end_subject()).count == 0
    assert await is_live(watched, theirs)
    assert logger.said("the index of a subject names somebody else's sessions") == [{"count": 1}]
