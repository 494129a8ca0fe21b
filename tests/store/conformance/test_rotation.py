"""The rotation table, row by row (docs/rotation.md); time passes by ageing a record, never by waiting."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_id
from sessiond_server.domain.failures import PepperMissingError, RefreshRefusal
from sessiond_server.domain.refresh_token import MAX_GENERATION, Pepper, Peppers
from sessiond_server.domain.session import Cause, Lifetimes
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.commands import ANYBODY, authenticator_over
from tests.support.store import HOUR, LIFETIMES, first_token, proposal

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from tests.support.store import Store

GRACE = LIFETIMES.grace_ms
CONFIRMATION = (KEY_MEMBER, "a key")


async def refusal(store: Store, token: RefreshToken, *, device: str = "phone") -> RefreshRefusal:
    outcome = await store.rotate(token, device=device)
    assert isinstance(outcome, NotRotated)
    return outcome.refusal


async def unchanged_refusal(store: Store, token: RefreshToken) -> RefreshRefusal:
    before = await store.header(token.session)
    found = await refusal(store, token)
    assert await store.header(token.session) == before
    return found


@pytest.mark.row("current")
async def test_the_current_token_is_rotated(store: Store) -> None:
    token = await store.open()
    outcome = await store.rotate(token, salt=b"s" * 32)
    assert isinstance(outcome, Rotated)
    assert (outcome.replayed, outcome.rotation_salt, outcome.session.generation) == (False, b"s" * 32, 1)
    assert outcome.session.login.subject == "alice"


async def test_each_successor_is_good_for_one_rotation_more(store: Store) -> None:
    token = await store.open()
    for generation in range(5):
        assert token.generation == generation
        token = await store.next(token)


@pytest.mark.row("replayed")
async def test_a_repeated_call_is_answered_with_the_stored_salt(store: Store) -> None:
    token = await store.open()
    first = await store.rotate(token, salt=b"1" * 32)
    again = await store.rotate(token, salt=b"2" * 32)
    assert isinstance(again, Rotated)
    assert isinstance(first, Rotated)
    assert again.replayed
    assert (again.rotation_salt, again.pepper_id) == (first.rotation_salt, first.pepper_id)
    assert again.session == first.session


async def test_the_successor_is_under_the_pepper_that_was_stored(store: Store) -> None:
    token = await store.open()
    await store.next(token)
    await store.change(token.session, pepper_id=b"old.")
    again = await store.rotate(token)
    assert isinstance(again, Rotated)
    assert again.pepper_id == b"old."


async def test_fifty_calls_at_once_have_one_successor(store: Store) -> None:
    token = await store.open()
    outcomes = await asyncio.gather(*(store.rotate(token) for _ in range(50)))
    assert all(isinstance(outcome, Rotated) for outcome in outcomes)
    assert len({outcome.rotation_salt for outcome in outcomes}) == 1
    assert [outcome.replayed for outcome in outcomes].count(False) == 1


@pytest.mark.row("superseded")
async def test_another_device_gets_nothing_and_harms_nothing(store: Store) -> None:
    token = await store.open()
    successor = await store.next(token)
    assert await unchanged_refusal_of_other(store, token) is RefreshRefusal.SUPERSEDED
    assert isinstance(await store.rotate(successor), Rotated)


async def unchanged_refusal_of_other(store: Store, token: RefreshToken) -> RefreshRefusal:
    before = await store.header(token.session)
    found = await refusal(store, token, device="another phone")
    assert await store.header(token.session) == before
    return found


@pytest.mark.row("superseded")
async def test_a_token_whose_successor_was_presented_is_superseded(store: Store) -> None:
    token = await store.open()
    await store.next(await store.next(token))
    assert await unchanged_refusal(store, token) is RefreshRefusal.SUPERSEDED


@pytest.mark.row("superseded", "reused")
async def test_a_much_older_token_counts_as_inside_while_the_older_of_two_windows_is_open(
    store: Store,
) -> None:
    token = newest = await store.open()
    for _ in range(4):
        newest = await store.next(newest)
    assert await unchanged_refusal(store, token) is RefreshRefusal.SUPERSEDED
    await store.age(token.session, GRACE)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("replayed", "reused")
async def test_each_of_the_two_latest_windows_is_remembered(store: Store) -> None:
    oldest = await store.open()
    older = await store.next(oldest)
    await store.age(oldest.session, GRACE // 2)
    await store.next(older)
    await store.age(oldest.session, GRACE // 2)
    assert isinstance(await store.rotate(older), Rotated)
    assert await refusal(store, oldest) is RefreshRefusal.REUSED


@pytest.mark.row("replayed", "superseded")
async def test_replays_are_capped_and_never_punished(store: Store) -> None:
    token = await store.open()
    successor = await store.next(token)
    await store.change(token.session, replays=999)
    assert isinstance(await store.rotate(token), Rotated)
    assert await unchanged_refusal(store, token) is RefreshRefusal.SUPERSEDED
    assert isinstance(await store.rotate(successor), Rotated)


@pytest.mark.row("replayed")
async def test_inside_its_grace_a_spent_token_is_replayed_to_the_last(store: Store) -> None:
    token = await store.open()
    await store.next(token)
    await store.age(token.session, GRACE - 2000)
    assert isinstance(await store.rotate(token), Rotated)


@pytest.mark.row("reused")
@pytest.mark.parametrize("device", ["phone", "another phone"])
async def test_behind_its_grace_a_spent_token_ends_the_session(store: Store, device: str) -> None:
    token = await store.open()
    successor = await store.next(token)
    await store.age(token.session, GRACE)
    outcome = await store.rotate(token, device=device)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.REUSED
    assert outcome.logged is not None
    assert [entry.hashed_id for entry in outcome.logged.revocations] == [token.session.hashed]
    assert (await store.header(token.session)).cause == Cause.REUSE
    assert await refusal(store, successor) is RefreshRefusal.REVOKED
    assert await refusal(store, token) is RefreshRefusal.REVOKED


@pytest.mark.row("reused")
async def test_without_a_grace_a_spent_token_ends_the_session_at_once(store: Store) -> None:
    token = await store.open(lifetimes=replace(LIFETIMES, grace_ms=0))
    await store.next(token)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("other-secret")
async def test_another_secret_of_the_current_generation_changes_nothing(store: Store) -> None:
    token = await store.open()
    assert await unchanged_refusal(store, replace(token, secret=os.urandom(32))) is RefreshRefusal.INVALID
    assert isinstance(await store.rotate(token), Rotated)


@pytest.mark.row("superseded")
async def test_another_secret_of_the_predecessor_is_superseded(store: Store) -> None:
    token = await store.open()
    await store.next(token)
    assert await unchanged_refusal(store, replace(token, secret=os.urandom(32))) is RefreshRefusal.SUPERSEDED


@pytest.mark.row("ahead")
@pytest.mark.parametrize("ahead", [1, 2])
async def test_a_token_ahead_of_the_store_changes_nothing(store: Store, ahead: int) -> None:
    token = await store.open()
    assert await unchanged_refusal(store, replace(token, generation=ahead)) is RefreshRefusal.INVALID


@pytest.mark.row("one-ahead-after-loss")
async def test_one_ahead_goes_forward_where_the_store_is_known_to_have_lost_something(store: Store) -> None:
    token = await store.open()
    await store.age(token.session, 1000)
    lost = token.successor(pepper=token.pepper, rotation_salt=b"lost" * 8)
    await store.log.note_change(store.partition(), known_ms=0)
    outcome = await store.rotate(lost)
    assert isinstance(outcome, Rotated)
    assert outcome.session.generation == 2


@pytest.mark.row("ahead")
async def test_two_ahead_goes_nowhere_even_then(store: Store) -> None:
    token = await store.open()
    await store.age(token.session, 1000)
    await store.log.note_change(store.partition(), known_ms=0)
    assert await unchanged_refusal(store, replace(token, generation=2)) is RefreshRefusal.INVALID


@pytest.mark.row("ahead")
async def test_what_was_lost_before_the_last_rotation_opens_nothing(store: Store) -> None:
    token = await store.open()
    await store.log.note_change(store.partition(), known_ms=0)
    await store.age(token.session, -1000)
    assert await unchanged_refusal(store, replace(token, generation=1)) is RefreshRefusal.INVALID


@pytest.mark.row("unproven")
async def test_a_bound_session_needs_its_key_at_every_refresh(store: Store) -> None:
    token, _ = await store.create(confirmation=CONFIRMATION)
    for proven in (None, (KEY_MEMBER, "another key")):
        before = await store.header(token.session)
        outcome = await store.sessions.rotate(
            replace(proposal(token), confirmation_id=confirmation_id(proven))
        )
        assert isinstance(outcome, NotRotated)
        assert outcome.refusal is RefreshRefusal.BINDING_MISMATCH
        assert await store.header(token.session) == before
    proven_rotation = replace(proposal(token), confirmation_id=confirmation_id(CONFIRMATION))
    assert isinstance(await store.sessions.rotate(proven_rotation), Rotated)


@pytest.mark.row("unknown-pepper")
async def test_a_pepper_that_this_server_lacks_is_told_from_one_that_never_was(store: Store) -> None:
    token = await store.open()
    newer = Peppers([b"n" * 32])
    authenticator = authenticator_over(store, newer)
    with pytest.raises(PepperMissingError):
        await authenticator.authenticate(token.reveal(), ANYBODY)
    invented = replace(token, pepper=Pepper(b"i" * 32))
    assert await authenticator.authenticate(invented.reveal(), ANYBODY) is None


@pytest.mark.row("unknown")
async def test_an_unknown_session_is_invalid(store: Store) -> None:
    assert await refusal(store, first_token()) is RefreshRefusal.INVALID


@pytest.mark.row("revoked")
async def test_an_ended_session_stays_ended(store: Store) -> None:
    token = await store.open()
    successor = await store.next(token)
    await store.end(token.session)
    for presented in (token, successor, replace(token, generation=7)):
        assert await refusal(store, presented) is RefreshRefusal.REVOKED


@pytest.mark.row("idle")
async def test_an_unused_session_times_out(store: Store) -> None:
    token = await store.open()
    await store.age(token.session, LIFETIMES.idle_ms)
    assert await refusal(store, token) is RefreshRefusal.IDLE_TIMEOUT


async def test_a_used_session_does_not_time_out(store: Store) -> None:
    token = await store.open()
    for _ in range(3):
        await store.age(token.session, LIFETIMES.idle_ms - HOUR)
        token = await store.next(token)


@pytest.mark.row("too-old")
async def test_a_session_reaches_its_longest_life_however_it_is_used(store: Store) -> None:
    token = await store.open()
    absolute = (await store.header(token.session)).absolute_expire_ms
    for _ in range(4):
        await store.age(token.session, 6 * 24 * HOUR)
        token = await store.next(token)
    header = await store.header(token.session)
    assert header.absolute_expire_ms == absolute - 4 * 6 * 24 * HOUR
    assert header.idle_expire_ms == header.absolute_expire_ms
    await store.age(token.session, 6 * 24 * HOUR)
    assert await refusal(store, token) is RefreshRefusal.LIFETIME_EXCEEDED


async def test_a_session_idles_no_longer_than_it_lives(store: Store) -> None:
    token = await store.open(lifetimes=Lifetimes(absolute_ms=HOUR, idle_ms=2 * HOUR, grace_ms=0))
    header = await store.header(token.session)
    assert header.idle_expire_ms == header.absolute_expire_ms


@pytest.mark.row("last")
async def test_the_last_generation_ends_the_session(store: Store) -> None:
    token = await store.open()
    last = replace(token, generation=MAX_GENERATION)
    await store.change(token.session, generation=MAX_GENERATION)
    outcome = await store.rotate(last)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.LIFETIME_EXCEEDED
    assert outcome.logged is not None
    assert outcome.logged.revocations
    assert (await store.header(token.session)).cause == Cause.GENERATIONS_EXHAUSTED


async def test_a_record_outlives_what_it_opens_by_a_day(store: Store) -> None:
    token = await store.open()
    created = await store.header(token.session)
    await store.next(token)
    header = await store.header(token.session)
    assert header.idle_expire_ms >= created.idle_expire_ms
    assert await store.redis.pexpiretime(store.record_key(token.session)) == header.idle_expire_ms + 24 * HOUR
