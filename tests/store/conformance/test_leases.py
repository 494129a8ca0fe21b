"""Sessions of providers in the store: one exchange at a time, committed once, and let go of as a whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.hashed_ids import HashedIssuers
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.providers.revoke_queued import revoke_queued
from sessiond_server.service.storage.leases import LeaseEnd, Moved
from sessiond_server.service.storage.queue import QueuedRevocation
from sessiond_server.service.storage.sessions import (
    Busy,
    Held,
    Leased,
    NotRotated,
    Rotated,
)
from tests.support.fakes import SilentLogger, SilentTelemetry
from tests.support.leases import PROVIDER_SESSION, Provider, held, tokens
from tests.support.store import HOUR, ISSUER, LIFETIMES, at_most, connected, first_token
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken


def token_id(number: int) -> bytes:
    return hashed_id("token", ISSUER, f"jti-{number}")


@pytest.mark.row("leased", "busy")
async def test_one_call_at_a_time_holds_the_lease(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    assert (leased.refresh_token, leased.in_doubt) == ("refresh-1", False)
    assert isinstance(await provider.store.sessions.rotate(held(token)), Busy)
    # The same call again, whose answer was lost, still holds it.
    assert isinstance(await provider.store.sessions.rotate(rotation), Leased)


async def test_a_commit_whose_answer_was_lost_is_repeated(provider: Provider) -> None:
    rotation, leased = await provider.lease(await provider.open())
    first = await provider.leases.commit(rotation, leased, tokens("2"))
    again = await provider.leases.commit(rotation, leased, tokens("2"))
    assert isinstance(first, Rotated)
    assert (first.access_token, first.rotation_salt) == ("access-2", rotation.rotation_salt)
    assert isinstance(again, Rotated)
    assert (again.access_token, again.session.generation, again.rotation_salt) == (
        "access-2",
        1,
        rotation.rotation_salt,
    )


async def test_who_comes_second_with_a_success_has_lost_the_race(provider: Provider) -> None:
    token = await provider.open()
    first, leased = await provider.lease(token)
    await provider.store.change(token.session, lease_until_ms=1)
    second, leased_again = await provider.lease(token)
    assert leased_again.in_doubt
    assert isinstance(await provider.leases.commit(first, leased, tokens("2")), Rotated)
    assert isinstance(await provider.leases.commit(second, leased_again, tokens("3")), Moved)
    assert await provider.queued() == []


async def test_a_success_for_a_session_that_has_ended_is_revoked(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.end(token.session)
    assert await provider.leases.commit(rotation, leased, tokens("2")) == NotRotated(RefreshRefusal.REVOKED)
    assert await provider.queued() == ["refresh-1", "refresh-2"]


async def test_a_success_for_a_session_that_is_too_old_is_revoked(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.change(token.session, absolute_expire_ms=1)
    refused = await provider.leases.commit(rotation, leased, tokens("2"))
    assert refused == NotRotated(RefreshRefusal.LIFETIME_EXCEEDED)
    assert await provider.queued() == ["refresh-2"]


async def test_a_cutoff_between_lease_and_commit_counts(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.end_subject()
    assert isinstance(await provider.leases.commit(rotation, leased, tokens("2")), NotRotated)


@pytest.mark.row("replayed", "superseded")
async def test_the_predecessor_is_superseded_while_its_successor_is_exchanged(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    replayed = await provider.store.sessions.rotate(held(token))
    assert isinstance(replayed, Rotated)
    assert (replayed.replayed, replayed.access_token) == (True, "access-2")
    await provider.lease(token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt))
    assert isinstance(await provider.store.sessions.rotate(held(token)), NotRotated)


@pytest.mark.row("superseded")
async def test_what_cannot_be_repeated_is_superseded(provider: Provider) -> None:
    token = await provider.open()
    await provider.exchange(token, "2")
    await provider.store.redis.delete(provider.store.provider_key("a", token.session))
    outcome = await provider.store.sessions.rotate(held(token))
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal == "REFRESH_TOKEN_SUPERSEDED"


async def test_the_predecessor_stays_superseded_when_the_lease_is_given_back(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    rotation, _ = await provider.lease(
        token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)
    )
    await provider.leases.release(rotation, LeaseEnd.RELEASE)
    assert isinstance(await provider.store.sessions.rotate(held(token)), NotRotated)


@pytest.mark.parametrize(("end", "in_doubt"), [(LeaseEnd.RELEASE, False), (LeaseEnd.DOUBT, True)])
async def test_a_lease_that_is_given_back_is_free_at_once(
    provider: Provider, end: LeaseEnd, *, in_doubt: bool
) -> None:
    token = await provider.open()
    rotation, _ = await provider.lease(token)
    await provider.leases.release(rotation, end)
    _, leased = await provider.lease(token)
    assert leased.in_doubt is in_doubt


async def test_only_the_holder_gives_back_or_ends(provider: Provider) -> None:
    token = await provider.open()
    _, leased = await provider.lease(token)
    other = held(token)
    await provider.leases.release(other, LeaseEnd.RELEASE)
    assert isinstance(await provider.store.sessions.rotate(other), Busy)
    assert (
        await provider.leases.end_leased(other, leased, cause=Cause.PROVIDER_REFUSED, brought=None)
    ).count == 0
    assert await provider.store.sessions.get(token.session) is not None


async def test_an_end_lets_go_of_everything(provider: Provider) -> None:
    token = await provider.open()
    await provider.store.end(token.session)
    assert not await provider.store.redis.keys("*}[ar]:*")
    assert await provider.queued() == ["refresh-1"]
    assert (
        RevocationType.PROVIDER_SESSION,
        hashed_id("provider_session", ISSUER, PROVIDER_SESSION),
    ) in await provider.logged()


async def test_a_refresh_token_that_another_session_lives_by_stays_good(provider: Provider) -> None:
    """A login that is repeated, because its answer was lost, has two sessions by one refresh token."""
    first, second = await provider.open(), await provider.open(session=None)
    await provider.store.end(first.session)
    assert await provider.queued() == []
    await provider.exchange(second, "2", session=None)
    third = await provider.open()
    await provider.store.end(second.session)
    assert await provider.queued() == ["refresh-2"]
    await provider.store.end(third.session)
    assert await provider.queued() == ["refresh-1"]


async def test_a_repeated_login_at_the_session_limit_lives(provider: Provider) -> None:
    at_limit = connected(provider.store.redis, partitions=len(provider.store.partitions), rules=at_most(1))
    first, _ = await at_limit.create(tokens=tokens("1"))
    second, _ = await at_limit.create(tokens=tokens("1"))
    assert await at_limit.sessions.get(first.session) is None
    assert await provider.queued() == []
    rotation, leased = await provider.lease(second)
    await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=None)
    await at_limit.create(tokens=tokens("1"))
    assert await provider.queued() == ["refresh-2"]


async def test_a_refresh_token_of_many_that_end_together_is_revoked_once(provider: Provider) -> None:
    for _ in range(3):
        await provider.open()
    await provider.store.end_subject()
    assert await provider.queued() == ["refresh-1"]


@pytest.mark.parametrize("session", [PROVIDER_SESSION, None])
async def test_an_end_logs_everything_that_its_tokens_can_be_revoked_by(
    provider: Provider, session: str | None
) -> None:
    token = await provider.open(session=session)
    for number in range(2, 12):
        rotated = await provider.exchange(token, str(number), session=session)
        token = token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)
    earlier = [(RevocationType.TOKEN, token_id(number)) for number in range(1, 4)]
    assert await provider.logged() == earlier
    await provider.store.end(token.session)
    named = (
        [(RevocationType.PROVIDER_SESSION, hashed_id("provider_session", ISSUER, session))] if session else []
    )
    latest = [(RevocationType.TOKEN, token_id(number)) for number in range(4, 12)]
    assert await provider.logged() == [
        *earlier,
        *named,
        *latest,
        (RevocationType.SESSION, token.session.hashed),
    ]


@pytest.mark.parametrize(("seconds", "is_logged"), [(300, True), (-240, True), (-301, False)])
async def test_an_access_token_counts_as_long_as_a_leeway_may_keep_it_alive(
    provider: Provider, seconds: float, *, is_logged: bool
) -> None:
    token, _ = await provider.store.create(tokens=tokens("1", seconds=seconds))
    await provider.store.end(token.session)
    assert ((RevocationType.TOKEN, token_id(1)) in await provider.logged()) is is_logged


async def test_what_nobody_can_accept_any_more_makes_room_first(provider: Provider) -> None:
    token, _ = await provider.store.create(
        tokens=tokens("1", seconds=-301), provider_session=PROVIDER_SESSION
    )
    await provider.exchange(token, "2")
    assert (await provider.store.header(token.session)).token_ids == 1


async def test_nothing_is_logged_twice_by_one_revocation(provider: Provider) -> None:
    await provider.open()
    await provider.log_out(token_id="jti-1")
    logged = await provider.logged()
    assert {kind for kind, _ in logged} == {
        RevocationType.PROVIDER_SESSION,
        RevocationType.TOKEN,
        RevocationType.SESSION,
    }
    assert len(logged) == 3


async def test_what_no_session_lives_by_is_revoked_all_the_same(provider: Provider) -> None:
    ended = await provider.log_out(token_id=None)
    assert ended.count == 0
    assert [entry.type for entry in ended.logged.revocations] == [RevocationType.PROVIDER_SESSION]


async def test_a_spared_session_spares_its_providers_tokens(provider: Provider) -> None:
    token = await provider.open()
    await provider.store.end_subject(spared=token.session)
    page = await provider.store.log.read(provider.store.partition(), None)
    (cutoff,) = (revocation for revocation in page.revocations if revocation.type is RevocationType.SUBJECT)
    assert cutoff.except_provider_session == hashed_id("provider_session", ISSUER, PROVIDER_SESSION)


async def test_an_access_token_ends_the_sessions_of_its_provider_session_alone(provider: Provider) -> None:
    mine, other = await provider.open(), await provider.open(session="ses_2")
    ended = await provider.log_out(token_id="jti-9")
    assert ended.count == 1
    assert await provider.store.sessions.get(mine.session) is None
    assert await provider.store.sessions.get(other.session) is not None
    assert (RevocationType.TOKEN, hashed_id("token", ISSUER, "jti-9")) in await provider.logged()


async def test_nothing_of_a_providers_tokens_can_be_read(provider: Provider) -> None:
    token = await provider.open()
    await provider.exchange(token, "2")
    for key in await provider.store.redis.keys("*"):
        raw = await provider.store.redis.dump(key)
        assert b"access-" not in raw
        assert b"refresh-" not in raw


async def test_what_a_provider_does_not_take_is_queued_again_for_a_day(provider: Provider) -> None:
    queued = await provider.ended()
    assert await provider.queue.take() is None
    await provider.queue.put_back(queued)
    assert await provider.store.redis.exists(taken(provider)) == 0
    assert await provider.queued() == ["refresh-1"]
    await provider.queue.put_back(replace(queued, raw=bytes(8) + queued.raw[8:]))
    assert await provider.queued() == []
    await taking_runs_out(provider)
    assert await provider.queued() == ["refresh-1"]


async def test_what_a_server_took_and_died_with_is_taken_again(provider: Provider) -> None:
    queued = await provider.ended()
    assert await provider.queue.take() is None
    await taking_runs_out(provider)
    assert await provider.queue.take() == queued
    await provider.queue.settle(queued)
    assert await provider.store.redis.exists(waiting(provider), taken(provider)) == 0


async def test_what_waits_to_be_revoked_is_counted_until_it_is(provider: Provider) -> None:
    assert await provider.queue.count() == 0
    queued = await provider.ended()
    assert await provider.queue.count() == 1
    await provider.queue.put_back(queued)
    assert await provider.queue.count() == 1
    await provider.queue.settle(await provider.queue.take())
    assert await provider.queue.count() == 0


async def test_how_many_wait_is_shown(provider: Provider) -> None:
    await provider.store.end((await provider.open()).session)
    telemetry, tried = PrometheusTelemetry(), asyncio.Event()

    async def refuse(_: str) -> bool:
        return False

    async def count() -> int:
        tried.set()
        return await provider.queue.count()

    queue: Any = SimpleNamespace(take=provider.queue.take, put_back=provider.queue.put_back, count=count)
    providers: Any = SimpleNamespace(endpoint_of=lambda *_: SimpleNamespace(revoke=refuse))
    async with asyncio.TaskGroup() as group:
        work = group.create_task(
            revoke_queued(queue, providers, interval_seconds=3600, telemetry=telemetry, logger=SilentLogger())
        )
        await tried.wait()
        await eventually(
            lambda: shows(telemetry, "sessiond_provider_revocations_pending 1.0"),
        )
        work.cancel()


async def shows(telemetry: PrometheusTelemetry, line: str) -> bool:
    return line in (await telemetry.expose()).body.decode().splitlines()


async def test_what_was_revoked_at_its_provider_is_let_go_of(provider: Provider) -> None:
    token, asked, is_empty = await provider.open(), [], asyncio.Event()

    async def revoke(refresh_token: str) -> bool:
        asked.append(refresh_token)
        return True

    async def take() -> QueuedRevocation | None:
        queued = await provider.queue.take()
        if queued is None:
            is_empty.set()
        return queued

    await provider.store.end(token.session)
    queue: Any = SimpleNamespace(take=take, settle=provider.queue.settle, count=provider.queue.count)
    endpoints = {(ISSUER, "app"): SimpleNamespace(revoke=revoke)}
    providers: Any = SimpleNamespace(endpoint_of=lambda *client: endpoints[client])
    work = asyncio.create_task(
        revoke_queued(
            queue, providers, interval_seconds=3600, telemetry=SilentTelemetry(), logger=SilentLogger()
        )
    )
    await is_empty.wait()
    work.cancel()
    assert asked == ["refresh-1"]
    assert await provider.store.redis.exists(waiting(provider), taken(provider)) == 0


async def test_what_a_refused_login_brought_is_queued_for_its_client(provider: Provider) -> None:
    session = first_token().session
    assert await provider.queue.add(session, issuer=ISSUER, client_id="app", refresh_token="refresh-9")
    for key in await provider.store.redis.keys("*"):
        assert b"refresh-9" not in await provider.store.redis.dump(key)
    queued = await provider.queue.take()
    assert queued is not None
    assert (queued.issuer, queued.client_id, queued.refresh_token) == (ISSUER, "app", "refresh-9")
    await provider.queue.settle(queued)
    assert await provider.store.redis.exists(waiting(provider), taken(provider)) == 0


async def test_what_waited_too_long_is_dropped_wherever_it_is(provider: Provider) -> None:
    queued = await provider.ended()
    await provider.queue.settle(queued)
    await provider.store.redis.zadd(taken(provider), {bytes(8) + queued.raw[8:]: 0})
    assert await provider.queue.take() is None
    assert await provider.store.redis.exists(taken(provider)) == 0


async def taking_runs_out(provider: Provider) -> None:
    redis = provider.store.redis
    for member in await redis.zrange(taken(provider), 0, -1):
        await redis.zadd(taken(provider), {member: 1})


def waiting(provider: Provider) -> str:
    return provider.store.key("torevoke")


def taken(provider: Provider) -> str:
    return provider.store.key("torevoke:taken")


async def test_a_refresh_token_lives_as_long_as_its_session(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    assert isinstance(rotated, Rotated)
    store, redis = provider.store, provider.store.redis
    refresh_key = store.provider_key("r", token.session)
    assert await redis.pexpiretime(store.record_key(token.session)) == await redis.pexpiretime(refresh_key)


@pytest.mark.row("held")
async def test_what_cannot_be_handed_out_is_kept_and_the_next_exchange_waits(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    assert await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=None) == 1.0
    assert await provider.store.sessions.rotate(held(token)) == Held()
    await provider.store.change(token.session, hold_until_ms=1)
    again, leased_again = await provider.lease(token)
    assert (leased_again.refresh_token, leased_again.in_doubt) == ("refresh-2", False)
    assert await provider.leases.hold(again, leased_again, "refresh-3", refresh_life_ms=None) == 2.0
    for pause_seconds in (4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        await provider.store.change(token.session, hold_until_ms=1)
        rotation, leased = await provider.lease(token)
        assert (
            await provider.leases.hold(rotation, leased, "refresh-4", refresh_life_ms=None) == pause_seconds
        )
    await provider.store.change(token.session, hold_until_ms=1)
    rotation, leased = await provider.lease(token)
    assert isinstance(await provider.leases.commit(rotation, leased, tokens("5")), Rotated)
    header = await provider.store.header(token.session)
    assert (header.holds, header.hold_until_ms) == (0, 0)
    assert await provider.queued() == []


async def test_an_older_success_does_not_replace_what_was_held(provider: Provider) -> None:
    token = await provider.open()
    first, leased = await provider.lease(token)
    await provider.store.change(token.session, lease_until_ms=1)
    second, leased_again = await provider.lease(token)
    assert await provider.leases.hold(second, leased_again, "refresh-3", refresh_life_ms=None) == 1.0
    assert await provider.leases.hold(first, leased, "refresh-2", refresh_life_ms=None) is None
    assert isinstance(await provider.leases.commit(first, leased, tokens("2")), Moved)
    await provider.store.change(token.session, hold_until_ms=1)
    _, leased = await provider.lease(token)
    assert leased.refresh_token == "refresh-3"


async def test_a_hold_goes_through_when_its_lease_has_run_out(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.change(token.session, lease_until_ms=1)
    assert await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=None) == 1.0


async def test_what_is_held_is_in_no_doubt(provider: Provider) -> None:
    token = await provider.open()
    rotation, _ = await provider.lease(token)
    await provider.leases.release(rotation, LeaseEnd.DOUBT)
    rotation, leased = await provider.lease(token)
    assert leased.in_doubt
    await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=None)
    await provider.store.change(token.session, hold_until_ms=1)
    assert not (await provider.lease(token))[1].in_doubt


async def test_what_is_held_of_a_session_that_has_ended_is_revoked(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.end(token.session)
    assert await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=None) is None
    assert await provider.queued() == ["refresh-1", "refresh-2"]


async def idle_ms(provider: Provider, token: RefreshToken) -> int:
    """How long the session may go unused, from its last use on."""
    header = await provider.store.header(token.session)
    return header.idle_expire_ms - (header.rotated_ms or header.created_ms)


async def test_a_session_goes_unused_no_longer_than_its_providers_refresh_token_is_good(
    provider: Provider,
) -> None:
    token, _ = await provider.store.create(tokens=tokens("1", refresh_life_ms=HOUR))
    assert await idle_ms(provider, token) == HOUR
    for life_ms, idle in ((2 * HOUR, 2 * HOUR), (0, LIFETIMES.idle_ms), (400 * 24 * HOUR, LIFETIMES.idle_ms)):
        rotation, leased = await provider.lease(token)
        rotated = await provider.leases.commit(rotation, leased, tokens("2", refresh_life_ms=life_ms))
        assert isinstance(rotated, Rotated)
        token = token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)
        assert await idle_ms(provider, token) == idle
        refresh_key = provider.store.provider_key("r", token.session)
        kept_ms = await provider.store.redis.pexpiretime(refresh_key)
        assert kept_ms == rotated.session.idle_expire_ms + 24 * HOUR


async def test_a_refresh_token_that_stays_keeps_the_end_that_was_known(provider: Provider) -> None:
    token, created = await provider.store.create(tokens=tokens("1", refresh_life_ms=HOUR))
    await provider.store.age(token.session, HOUR // 2)
    rotation, leased = await provider.lease(token)
    assert isinstance(await provider.leases.commit(rotation, leased, tokens("2")), Rotated)
    header = await provider.store.header(token.session)
    assert header.idle_expire_ms == created.session.idle_expire_ms - HOUR // 2


async def test_what_is_held_moves_the_end_of_its_session(provider: Provider) -> None:
    token, _ = await provider.store.create(tokens=tokens("1", refresh_life_ms=HOUR))
    rotation, leased = await provider.lease(token)
    await provider.leases.hold(rotation, leased, "refresh-2", refresh_life_ms=3 * HOUR)
    header = await provider.store.header(token.session)
    assert header.idle_expire_ms == header.provider_expire_ms > header.created_ms + 2 * HOUR
    record_ms = await provider.store.redis.pexpiretime(provider.store.record_key(token.session))
    assert record_ms == header.idle_expire_ms + 24 * HOUR


async def doubt_age_ms(provider: Provider, token: RefreshToken) -> int | None:
    _, leased = await provider.lease(token)
    assert leased.in_doubt
    return leased.doubt_age_ms


async def test_how_long_ago_a_doubt_began_is_known_from_its_exchange_on(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    assert leased.doubt_age_ms is None
    await provider.leases.release(rotation, LeaseEnd.DOUBT)
    header = await provider.store.header(token.session)
    await provider.store.change(token.session, lease_until_ms=header.lease_until_ms - 20_000)
    assert await doubt_age_ms(provider, token) == pytest.approx(20_000, abs=5000)


async def test_a_lease_that_ran_out_tells_when_its_exchange_began(provider: Provider) -> None:
    token = await provider.open()
    await provider.lease(token)
    header = await provider.store.header(token.session)
    await provider.store.change(token.session, lease_until_ms=header.lease_until_ms - 20_000)
    assert await doubt_age_ms(provider, token) == pytest.approx(20_000, abs=5000)


async def test_a_lease_under_which_nothing_took_place_leaves_the_doubt_as_old_as_it_is(
    provider: Provider,
) -> None:
    token = await provider.open()
    first, _ = await provider.lease(token)
    await provider.leases.release(first, LeaseEnd.DOUBT)
    header = await provider.store.header(token.session)
    await provider.store.change(token.session, lease_until_ms=header.lease_until_ms - 20_000)
    second, leased = await provider.lease(token)
    await provider.leases.release(second, LeaseEnd.RELEASE, doubt_age_ms=leased.doubt_age_ms)
    assert await doubt_age_ms(provider, token) == pytest.approx(20_000, abs=5000)


@pytest.mark.parametrize("end", [LeaseEnd.DOUBT, None])
async def test_of_several_exchanges_in_doubt_nobody_knows_when_the_first_began(
    provider: Provider, end: LeaseEnd | None
) -> None:
    token = await provider.open()
    first, _ = await provider.lease(token)
    await provider.leases.release(first, LeaseEnd.DOUBT)
    second, _ = await provider.lease(token)
    if end:
        await provider.leases.release(second, end)
    else:
        await provider.store.change(token.session, lease_until_ms=1)
    assert await doubt_age_ms(provider, token) is None


async def test_of_a_doubt_that_began_ahead_of_the_clock_nobody_knows_when(provider: Provider) -> None:
    """A store that was failed over to may have an earlier time, and the lease is given back all the same."""
    token = await provider.open()
    first, _ = await provider.lease(token)
    await provider.leases.release(first, LeaseEnd.DOUBT)
    header = await provider.store.header(token.session)
    await provider.store.change(token.session, lease_until_ms=header.lease_until_ms + 20_000)
    second, leased = await provider.lease(token)
    assert (leased.in_doubt, leased.doubt_age_ms) == (True, None)
    await provider.leases.release(second, LeaseEnd.RELEASE, doubt_age_ms=leased.doubt_age_ms)
    assert await doubt_age_ms(provider, token) is None


async def opened_twice(provider: Provider) -> tuple[RefreshToken, RefreshToken]:
    """Two sessions by one login, which was repeated because its answer was lost: they share its tokens."""
    return await provider.open(), await provider.open()


async def test_a_token_that_another_session_lives_by_is_not_revoked_because_an_exchange_kept_it(
    provider: Provider,
) -> None:
    token, other = await opened_twice(provider)
    rotation, leased = await provider.lease(token)
    await provider.store.end(token.session)
    assert await provider.leases.commit(rotation, leased, tokens("1")) == NotRotated(RefreshRefusal.REVOKED)
    assert await provider.leases.hold(rotation, leased, "refresh-1", refresh_life_ms=None) is None
    assert await provider.queued() == []
    await provider.store.end(other.session)
    assert await provider.queued() == ["refresh-1"]


async def test_a_token_that_was_kept_past_the_end_of_its_session_is_revoked_once_nobody_lives_by_it(
    provider: Provider,
) -> None:
    for queued in ([], ["refresh-1"]):
        token, other = await opened_twice(provider)
        rotation, leased = await provider.lease(token)
        if queued:
            await provider.store.end(other.session)
            await provider.queued()
        await provider.store.change(token.session, absolute_expire_ms=1)
        outcome = await provider.leases.commit(rotation, leased, tokens("1"))
        assert outcome == NotRotated(RefreshRefusal.LIFETIME_EXCEEDED)
        assert await provider.queued() == queued
        await provider.store.end(other.session)
        await provider.queued()


@pytest.mark.row("idle")
async def test_a_session_whose_providers_refresh_token_is_dead_is_refused_as_unused(
    provider: Provider,
) -> None:
    token, _ = await provider.store.create(tokens=tokens("1", refresh_life_ms=HOUR))
    await provider.store.age(token.session, HOUR - 1000)
    rotation, _ = await provider.lease(token)
    await provider.leases.release(rotation, LeaseEnd.RELEASE)
    await provider.store.age(token.session, 1000)
    assert await provider.store.sessions.rotate(held(token)) == NotRotated(RefreshRefusal.IDLE_TIMEOUT)


@pytest.mark.parametrize(("life_ms", "is_exchanged"), [(HOUR, False), (200_000, True), (None, False)])
async def test_a_refresh_token_that_goes_before_its_access_token_is_exchanged_while_it_lives(
    provider: Provider, life_ms: int | None, monkeypatch: pytest.MonkeyPatch, *, is_exchanged: bool
) -> None:
    above_a_minute = HashedIssuers({ISSUER: 60_000}, {ISSUER: ["app"]})
    monkeypatch.setattr(provider.store.sessions, "_issuers", above_a_minute)
    token, _ = await provider.store.create(tokens=tokens("1", seconds=300, refresh_life_ms=life_ms))
    outcome = await provider.store.sessions.rotate(held(token))
    assert isinstance(outcome, Leased if is_exchanged else Rotated)
