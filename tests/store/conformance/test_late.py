"""What gets to the store after whoever sent it has given it up: it ends no session, and undoes nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS
from sessiond_server.domain.failures import RefreshRefusal, StoreUnavailableError, TimeOverError
from sessiond_server.service.storage.adoptions import Free, ProviderRefreshToken
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.leases import tokens
from tests.support.store import ISSUER, LIFETIMES, Store, connected, is_late, proposal
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.leases import Provider

LATE_SECONDS = 12.0


@pytest.fixture
def late(store: Store) -> Store:
    """Another server, whose commands are twelve seconds on their way."""
    found = connected(store.redis, partitions=len(store.partitions))
    is_late(found, LATE_SECONDS)
    return found


@pytest.mark.row("late")
async def test_a_rotation_that_was_repeated_elsewhere_ends_nothing_when_it_comes(
    store: Store, late: Store
) -> None:
    token = await store.open()
    successor = await store.next(token)
    await store.age(token.session, round(LATE_SECONDS * 1000))
    record = await store.record(token.session)
    with pytest.raises(StoreUnavailableError):
        await late.rotate(token)
    assert await store.record(token.session) == record
    assert isinstance(await store.rotate(successor), Rotated)


async def test_a_rotation_that_nobody_repeated_is_not_made_up_for(store: Store, late: Store) -> None:
    token = await store.open()
    with pytest.raises(StoreUnavailableError):
        await late.rotate(token)
    assert (await store.header(token.session)).generation == 0


async def test_a_login_behind_a_revocation_of_its_subject_stays(store: Store, late: Store) -> None:
    token = await store.open()
    with pytest.raises(StoreUnavailableError):
        await late.end_subject()
    assert await store.sessions.get(token.session) is not None


async def test_a_login_behind_a_logout_at_its_provider_stays(provider: Provider, late: Store) -> None:
    token = await provider.open()
    late_provider = replace(provider, store=late)
    with pytest.raises(StoreUnavailableError):
        await late_provider.log_out()
    assert await provider.store.sessions.get(token.session) is not None


async def test_the_end_of_a_session_is_carried_out_whenever_it_comes(store: Store, late: Store) -> None:
    token = await store.open()
    assert (await late.end(token.session)).count == 1
    assert await store.sessions.get(token.session) is None


async def test_what_a_provider_gave_is_kept_whenever_it_comes(provider: Provider, late: Store) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    assert isinstance(await late.stores.leases.commit(rotation, leased, tokens("2")), Rotated)
    token = await provider.open(session="ses_2")
    rotation, leased = await provider.lease(token)
    assert await late.stores.leases.hold(rotation, leased, "refresh-3", refresh_life_ms=None) is not None


async def test_a_clock_that_was_set_ahead_costs_one_call(late: Store) -> None:
    """To the store, whose clock is an hour further on, whatever comes is late until its clock is known."""
    is_late(late, 3600)
    with pytest.raises(StoreUnavailableError):
        await late.open()
    token = await late.open()
    assert isinstance(await late.rotate(token), Rotated)


async def test_a_clock_that_was_set_back_costs_nothing(late: Store) -> None:
    is_late(late, -3600)
    assert isinstance(await late.rotate(await late.open()), Rotated)


async def test_the_log_tells_the_time_with_every_reading(store: Store, late: Store) -> None:
    await late.log.read(late.partition(), None)
    assert isinstance(await late.rotate(await store.open()), Rotated)


async def test_a_call_that_came_before_its_token_was_spent_is_no_reuse(store: Store) -> None:
    token, arrived = await store.open(), store.scripts.time.steady()
    successor = await store.next(token)
    await store.age(token.session, LIFETIMES.grace_ms)
    presented = replace(proposal(token), arrived=arrived - LIFETIMES.grace_ms / 1000)
    assert isinstance(await store.sessions.rotate(presented), Rotated)
    assert isinstance(await store.rotate(successor), Rotated)


async def test_such_a_call_is_none_without_a_grace_either(store: Store) -> None:
    token = await store.open(lifetimes=replace(LIFETIMES, grace_ms=0))
    successor = await store.next(token)
    presented = replace(proposal(token), arrived=store.scripts.time.steady() - 1)
    outcome = await store.sessions.rotate(presented)
    assert isinstance(outcome, Rotated)
    assert outcome.replayed
    assert isinstance(await store.rotate(successor), Rotated)


async def test_without_a_grace_who_comes_behind_a_rotation_is_never_before_it(store: Store) -> None:
    """However fast: a reckoned time that was behind the store's would let it have the successor."""
    for _ in range(20):
        token = await store.open(lifetimes=replace(LIFETIMES, grace_ms=0))
        await store.next(token)
        presented = replace(proposal(token), arrived=store.scripts.time.steady())
        outcome = await store.sessions.rotate(presented)
        assert isinstance(outcome, NotRotated)
        assert outcome.refusal is RefreshRefusal.REUSED


async def test_a_proof_whose_call_has_failed_is_not_spent_late(store: Store, late: Store) -> None:
    proof, good_until = bytes(16), time.time() + 60
    with pytest.raises(StoreUnavailableError):
        await late.stores.proofs.use_up(proof, good_until=good_until)
    assert await store.stores.proofs.use_up(proof, good_until=good_until)


WANTED_SECONDS = 0.05
LONGEST_WAY_SECONDS = TIMEOUT_SECONDS + 0.01


@pytest.fixture
def sent_late(store: Store) -> Iterator[list[float]]:
    """Scripts are sent when the moment is over that is put in here, as if no connection had been free."""
    evaluate, moments = store.scripts._evaluate, []

    async def wait(*given: Any) -> Any:
        # The store's time is reckoned as ahead by the way of an answer at the most.
        await eventually(
            lambda: not moments or store.scripts.time.steady() > moments[0] + LONGEST_WAY_SECONDS
        )
        return await evaluate(*given)

    store.scripts._evaluate = wait
    yield moments
    store.scripts._evaluate = evaluate


async def test_a_rotation_is_not_begun_for_a_caller_that_has_left(
    store: Store, sent_late: list[float]
) -> None:
    token = await store.open()
    record = await store.record(token.session)
    telemetry, asked = store.scripts._telemetry, []
    for moment in (store.scripts.time.steady() + WANTED_SECONDS, store.scripts.time.steady()):
        sent_late[:] = [moment]
        with pytest.raises(TimeOverError):
            await store.sessions.rotate(replace(proposal(token), wanted_until=moment))
        asked.append([script for script, _ in telemetry.of("store_called")].count("rotate"))
    # The second is not even sent.
    assert asked == [1, 1]
    assert await store.record(token.session) == record
    # The store's clock is not to blame.
    assert store.scripts.errors._last_met == {}
    later = store.scripts.time.steady() + 10
    assert isinstance(await store.sessions.rotate(replace(proposal(token), wanted_until=later)), Rotated)


async def test_the_right_to_adopt_is_not_given_to_a_caller_that_has_left(
    store: Store, sent_late: list[float]
) -> None:
    token, adoptions = ProviderRefreshToken(ISSUER, "a token of a provider"), store.stores.adoptions
    moment = store.scripts.time.steady() + WANTED_SECONDS
    sent_late.append(moment)
    with pytest.raises(TimeOverError):
        await adoptions.begin(token, holder=b"1" * 16, wanted_until=moment)
    assert await adoptions.begin(token, holder=b"2" * 16) == Free()
