"""Times to the millisecond and counts to the last one, by a clock of the store that stands still."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.hashed_ids import HashedIssuers, hashed
from sessiond_server.adapters.store.limits import MAX_QUEUED, MAX_QUEUED_BY_REFUSALS, MEMBERS_A_CALL
from sessiond_server.adapters.store.partitions import LAST_LOGIN_KEY
from sessiond_server.adapters.store.records import index_key
from sessiond_server.adapters.store.scripts.catalogue import END_SUBJECT
from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_id
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.sessions import Busy, Leased, NotRotated, Rotated
from tests.support.leases import Provider, held, tokens
from tests.support.store import ENTRY_LIFE_MS, HOUR, ISSUER, LIFETIMES, Store, first_token, proposal

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken


async def refusal(store: Store, token: RefreshToken) -> RefreshRefusal | None:
    outcome = await store.rotate(token)
    return outcome.refusal if isinstance(outcome, NotRotated) else None


async def closing_of_window(store: Store, token: RefreshToken) -> int:
    """When the grace of a token that has just been spent is over."""
    return (await store.header(token.session)).rotated_ms + LIFETIMES.grace_ms


async def test_a_window_closes_to_the_millisecond(store: Store) -> None:
    token = await store.open()
    await store.next(token)
    closes = await closing_of_window(store, token)
    store.stop_at(closes - 1)
    assert await refusal(store, token) is None
    store.stop_at(closes)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.parametrize(("before_ms", "expected"), [(1, Rotated), (0, NotRotated)])
async def test_who_waited_is_judged_as_of_when_it_came(store: Store, before_ms: int, expected: type) -> None:
    token = await store.open()
    await store.next(token)
    closes = await closing_of_window(store, token)
    store.stop_at(closes + 5000)
    arrived = -(5000 + before_ms) / 1000
    assert isinstance(await store.sessions.rotate(replace(proposal(token), arrived=arrived)), expected)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("idle_expire_ms", RefreshRefusal.IDLE_TIMEOUT),
        ("absolute_expire_ms", RefreshRefusal.LIFETIME_EXCEEDED),
    ],
)
async def test_a_session_ends_to_the_millisecond(store: Store, name: str, why: RefreshRefusal) -> None:
    token = await store.open()
    ends = (await store.header(token.session)).idle_expire_ms
    later = {"idle_expire_ms": ends + 1, "absolute_expire_ms": ends + 1}
    await store.change(token.session, **(later | {name: ends}))
    store.stop_at(ends - 1)
    assert await store.sessions.get(token.session) is not None
    store.stop_at(ends)
    assert await store.sessions.get(token.session) is None
    assert await refusal(store, token) is why


async def test_a_lease_ends_to_the_millisecond(provider: Provider) -> None:
    token, store = await provider.open(), provider.store
    await provider.lease(token)
    until = (await store.header(token.session)).lease_until_ms
    store.stop_at(until - 1)
    assert isinstance(await store.sessions.rotate(held(token)), Busy)
    store.stop_at(until)
    outcome = await store.sessions.rotate(held(token))
    assert isinstance(outcome, Leased)
    assert outcome.in_doubt
    assert (await store.header(token.session)).lease_number == 2


@pytest.mark.parametrize(("before_ms", "ended"), [(1, 1), (0, 0)])
async def test_a_holder_whose_lease_has_run_out_ends_nothing(
    provider: Provider, before_ms: int, ended: int
) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    provider.store.stop_at((await provider.store.header(token.session)).lease_until_ms - before_ms)
    found = await provider.leases.end_leased(rotation, leased, cause=Cause.PROVIDER_REFUSED, brought=None)
    assert found.count == ended


async def test_what_began_at_a_cutoff_is_under_it(store: Store) -> None:
    outside, indexed = await store.open(), await store.open()
    at = (await store.header(indexed.session)).created_ms + 1000
    for token in (outside, indexed):
        await store.change(token.session, created_ms=at)
    await store.redis.zrem(store.index_key(), outside.session.raw + outside.session.hashed)
    store.stop_at(at)
    assert (await store.end_subject()).count == 1
    assert await store.sessions.get(outside.session) is None
    assert await refusal(store, outside) is RefreshRefusal.REVOKED


async def test_a_cutoff_never_moves_back(store: Store) -> None:
    at = (await store.header((await store.open()).session)).created_ms + 2000
    store.stop_at(at)
    assert (await store.end_subject()).logged.revocations[0].not_before_ms == at
    spared = await store.open()
    store.stop_at(at - 1000)
    ended = await store.end_subject(spared=spared.session)
    assert ended.logged.revocations[0].not_before_ms == at


@pytest.mark.parametrize(("behind_ms", "why"), [(0, RefreshRefusal.INVALID), (1, None)])
async def test_only_a_loss_behind_the_last_rotation_lets_a_session_go_forward(
    store: Store, behind_ms: int, why: RefreshRefusal | None
) -> None:
    token = await store.open()
    store.stop_at((await store.header(token.session)).created_ms + behind_ms)
    await store.log.note_change(store.partition(), known_ms=0)
    assert await refusal(store, replace(token, generation=1)) is why


async def test_nothing_is_committed_behind_the_longest_life(provider: Provider) -> None:
    rotation, leased = await provider.lease(await provider.open())
    provider.store.stop_at((await provider.store.header(rotation.session)).absolute_expire_ms)
    outcome = await provider.leases.commit(rotation, leased, tokens("2"))
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.LIFETIME_EXCEEDED


@pytest.mark.parametrize(("before_ms", "is_taken"), [(1, True), (0, False)])
async def test_what_waits_at_its_provider_waits_for_a_day(
    provider: Provider, before_ms: int, *, is_taken: bool
) -> None:
    queued, store = await provider.ended(), provider.store
    await provider.queue.settle(queued)
    await store.redis.rpush(store.key("torevoke"), queued.raw)
    store.stop_at(int.from_bytes(queued.raw[:8], "big") + 24 * HOUR - before_ms)
    assert (await provider.queue.take() is not None) is is_taken


async def test_the_queue_of_what_waits_is_bounded(provider: Provider) -> None:
    queued, store = await provider.ended(), provider.store
    await provider.queue.settle(queued)
    await store.redis.rpush(store.key("torevoke"), *[queued.raw] * (MAX_QUEUED - 1))
    for _ in range(2):
        await store.end((await provider.open()).session)
        assert await store.redis.llen(store.key("torevoke")) == MAX_QUEUED
    await provider.queue.put_back(queued)
    assert await store.redis.llen(store.key("torevoke")) == MAX_QUEUED


async def test_refused_logins_take_no_room_of_ended_sessions(provider: Provider) -> None:
    queued, store = await provider.ended(), provider.store
    session = first_token().session
    add = partial(provider.queue.add, session, issuer=ISSUER, client_id="app", refresh_token="refresh-2")
    await store.redis.rpush(store.key("torevoke"), *[queued.raw] * (MAX_QUEUED_BY_REFUSALS - 1))
    assert await add()
    assert not await add()
    await store.end((await provider.open()).session)
    assert await store.redis.llen(store.key("torevoke")) == MAX_QUEUED_BY_REFUSALS + 1


def ending(store: Store, *, known_cutoff_ms: int) -> Any:
    return store.scripts.run(
        END_SUBJECT,
        store.partition(),
        index=index_key(ISSUER, "alice"),
        last_login=LAST_LOGIN_KEY,
        subject=hashed(RevocationType.SUBJECT, ISSUER, "alice"),
        cause=Cause.ADMIN,
        entry_life_ms=ENTRY_LIFE_MS,
        cutoff_life_ms=HOUR,
        spared=None,
        known_cutoff_ms=known_cutoff_ms,
        from_ms=None,
        from_id=None,
    )


async def test_one_script_ends_so_many_sessions(store: Store) -> None:
    for _ in range(MEMBERS_A_CALL + 1):
        await store.open()
    outcome, found = await ending(store, known_cutoff_ms=0)
    assert outcome == "MORE"
    assert found.count == MEMBERS_A_CALL


async def test_a_later_script_leaves_what_began_behind_the_cutoff(store: Store) -> None:
    token = await store.open()
    created_ms = (await store.header(token.session)).created_ms
    assert (await ending(store, known_cutoff_ms=created_ms - 1))[1].count == 0
    assert (await ending(store, known_cutoff_ms=created_ms))[1].count == 1


@pytest.mark.usefixtures("one_server")
async def test_a_revocation_that_changes_nothing_writes_all_the_same(store: Store) -> None:
    """Waiting for replicas waits for a write: what an earlier call has written has to be there too."""
    token = await store.open()
    await store.end(token.session)
    before = (await store.redis.info("persistence"))["rdb_changes_since_last_save"]
    await store.end(token.session)
    assert (await store.redis.info("persistence"))["rdb_changes_since_last_save"] > before


async def test_a_session_that_is_bound_to_no_key_takes_any_proof(store: Store) -> None:
    token = await store.open()
    proven = replace(proposal(token), confirmation_id=confirmation_id((KEY_MEMBER, "a key")))
    assert isinstance(await store.sessions.rotate(proven), Rotated)


@pytest.mark.parametrize(("above_ms", "expected"), [(60_000, Rotated), (0, Leased)])
async def test_each_issuer_has_its_own_bound_of_reuse(
    provider: Provider, above_ms: int, expected: type
) -> None:
    sessions: Any = provider.store.sessions
    sessions._issuers = HashedIssuers({"https://other.example": 1, ISSUER: above_ms})
    assert isinstance(await sessions.rotate(held(await provider.open())), expected)


async def test_a_log_without_a_head_is_begun_anew(store: Store) -> None:
    await store.end((await store.open()).session)
    await store.redis.delete(store.key("head"))
    page = await store.log.read(store.partition(), None)
    ended = await store.end((await store.open()).session)
    page = await store.log.read(store.partition(), page.position)
    assert (page.revocations, page.position.number) == (ended.logged.revocations, 1)
