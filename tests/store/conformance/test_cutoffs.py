"""The end of what many sessions share, in every partition: a tenant, a client, an issuer, a key, a `sid`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.hashed_ids import hashed
from sessiond_server.adapters.store.partitions import LAST_LOGIN_KEY, Partitions, key_in
from sessiond_server.adapters.store.scripts.catalogue import CUTOFF
from sessiond_server.domain.failures import RefreshRefusal, StoreUnavailableError
from sessiond_server.domain.identifiers import subject_byte
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.view import RevocationView
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import NotRotated
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, Store, connected, is_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.revocations import Logged

# One in each partition, whether there are 1, 3 or 16.
SUBJECTS = list(
    {Partitions(16).of_subject(ISSUER, name): name for name in map("user-{}".format, range(200))}.values()
)
LOGIN = {"tenant_id": "acme", "client_id": "app", "provider_session": "ses_1"}
TENANT = Shared(RevocationType.TENANT, ISSUER, "acme")
KEY = Shared(RevocationType.KEY, ISSUER, "key-1")
ENDING_SESSIONS = [
    pytest.param(TENANT, {"tenant_id": "other"}, id="tenant"),
    pytest.param(Shared(RevocationType.CLIENT, ISSUER, "app"), {"client_id": "other"}, id="client"),
    pytest.param(
        Shared(RevocationType.PROVIDER_SESSION, ISSUER, "ses_1"),
        {"provider_session": "ses_2"},
        id="provider-session",
    ),
    pytest.param(Shared(RevocationType.ISSUER, ISSUER), None, id="issuer"),
]


async def log_in(store: Store, **changed: str) -> list[RefreshToken]:
    return [(await store.create(subject, **LOGIN | changed))[0] for subject in SUBJECTS]


async def stopped(store: Store) -> int:
    """From now on it is one time for scripts, later than that at which servers say that sessions begin."""
    now_ms = (await store.scripts.now_ms(store.partition()) + 10_000) // 1000 * 1000 + 100
    store.stop_at(now_ms)
    return now_ms


async def cut(store: Store, shared: Shared) -> Sequence[Logged]:
    return await store.stores.cutoffs.set(
        shared, cutoff_life_ms=LIFETIMES.absolute_ms, entry_life_ms=ENTRY_LIFE_MS
    )


async def refusals(store: Store, sessions: list[RefreshToken]) -> set[RefreshRefusal | None]:
    outcomes = [await store.rotate(token) for token in sessions]
    return {one.refusal if isinstance(one, NotRotated) else None for one in outcomes}


async def view_of(store: Store) -> RevocationView:
    """What a server knows that has read every log."""
    view = RevocationView(partitions=len(store.partitions))
    for partition in store.partitions:
        for revocation in (await store.log.read(partition, None)).revocations:
            view.apply(0, revocation)
    return view


def token_ids(shared: Shared, started_ms: int) -> RevocationIds:
    key = hashed(shared.type, shared.issuer, shared.identifier)
    return RevocationIds((key,), NO_ID, NO_ID, started_ms, subject_byte(ISSUER, "alice"))


async def started(store: Store, sessions: list[RefreshToken]) -> list[int]:
    return [(await store.header(token.session)).created_ms for token in sessions]


async def revoked(store: Store, shared: Shared, sessions: list[RefreshToken]) -> set[bool]:
    """Whether a server refuses the access tokens of sessions."""
    view = await view_of(store)
    return {view.revokes(0, token_ids(shared, at)) for at in await started(store, sessions)}


@pytest.mark.row("revoked")
@pytest.mark.parametrize(("shared", "others"), ENDING_SESSIONS)
async def test_what_began_ends_in_every_partition_and_what_begins_does_not(
    store: Store, shared: Shared, others: dict[str, str] | None
) -> None:
    before, elsewhere = await log_in(store), await log_in(store, **others) if others else []
    assert {store.partitions.of_session(token.session) for token in before} == set(store.partitions)
    logged = await cut(store, shared)
    assert [one.position.partition for one in logged] == list(store.partitions)
    assert all(one.revocations for one in logged)
    after = await log_in(store)
    assert await revoked(store, shared, before) == {True}
    assert await revoked(store, shared, after) == {False}
    assert await refusals(store, before) == {RefreshRefusal.REVOKED}
    assert await refusals(store, after) == {None}
    assert await refusals(store, elsewhere) <= {None}


async def test_a_login_in_the_very_millisecond_of_a_cutoff_is_told_from_those_before(store: Store) -> None:
    now_ms = await stopped(store)
    before = await log_in(store)
    for token in before:
        await store.change(token.session, created_ms=now_ms)
    await cut(store, TENANT)
    after = await log_in(store)
    assert await revoked(store, TENANT, before) == {True}
    assert await revoked(store, TENANT, after) == {False}


@pytest.mark.parametrize("ahead_ms", [5, 5000])
async def test_the_partition_whose_clock_is_ahead_hits_no_later_login_of_another(
    store: Store, ahead_ms: int
) -> None:
    now_ms = await stopped(store)
    before = await log_in(store)
    await set_alone(store, TENANT, now_ms + ahead_ms)
    await cut(store, TENANT)
    after = await log_in(store)
    assert await revoked(store, TENANT, before) == {True}
    assert await revoked(store, TENANT, after) == {False}
    assert await refusals(store, after) == {None}


async def set_alone(store: Store, shared: Shared, not_before_ms: int) -> None:
    """A cutoff of the first partition, by another clock than that of the others."""
    await store.scripts.run(
        CUTOFF,
        0,
        last_login=LAST_LOGIN_KEY,
        kind=shared.type,
        hashed=hashed(shared.type, shared.issuer, shared.identifier),
        not_before_ms=not_before_ms,
        cutoff_life_ms=LIFETIMES.absolute_ms,
        entry_life_ms=ENTRY_LIFE_MS,
    )


async def test_the_same_again_adds_nothing_and_knows_where_it_stands(store: Store) -> None:
    now_ms = await stopped(store)
    first = await cut(store, TENANT)
    store.stop_at(now_ms + 899)
    again = await cut(store, TENANT)
    assert [one.revocations for one in again] == [()] * len(store.partitions)
    assert [one.position for one in again] == [one.position for one in first]
    store.stop_at(now_ms + 900)
    assert all(one.revocations for one in await cut(store, TENANT))


async def test_a_login_between_two_cutoffs_of_a_second_is_hit_by_the_second(store: Store) -> None:
    now_ms = await stopped(store)
    await cut(store, TENANT)
    store.stop_at(now_ms + 1)
    between = await log_in(store)
    # The clock of the store went back for another login.
    store.stop_at(now_ms)
    await log_in(store, tenant_id="other")
    store.stop_at(now_ms + 2)
    await cut(store, TENANT)
    assert await revoked(store, TENANT, between) == {True}
    assert await refusals(store, between) == {RefreshRefusal.REVOKED}


async def test_a_key_is_revoked_for_good_and_sessions_go_on(store: Store) -> None:
    before = await log_in(store)
    entries = [entry for one in await cut(store, KEY) for entry in one.revocations]
    assert {(entry.not_before_ms, entry.expire_ms) for entry in entries} == {(FOREVER_MS, FOREVER_MS)}
    assert await refusals(store, before) == {None}
    view = await view_of(store)
    view.forget_expired(now_ms=await store.scripts.now_ms(store.partition()) + 100 * LIFETIMES.absolute_ms)
    assert view.revokes(0, token_ids(KEY, FOREVER_MS))
    assert [one.revocations for one in await cut(store, KEY)] == [()] * len(store.partitions)


async def test_what_is_revoked_for_good_stays_in_the_log_and_holds_no_trimming_up(store: Store) -> None:
    await cut(store, KEY)
    await cut(store, TENANT)
    await cut(store, replace(KEY, identifier="key-2"))
    store.stop_at(await store.scripts.now_ms(store.partition()) + 2 * ENTRY_LIFE_MS)
    for partition in store.partitions:
        reader = (await store.log.read(partition, None)).position
        await store.log.trim(partition)
        assert (await store.log.read(partition, reader)).continues
        found = (await store.log.read(partition, None)).revocations
        assert [entry.type for entry in found] == [RevocationType.KEY] * 2
        # Alone it is not moved again.
        end = (await store.log.read(partition, None)).position
        assert await store.log.trim(partition) is False
        assert (await store.log.read(partition, None)).position == end


async def test_a_cutoff_is_forgotten_when_nothing_lives_that_it_could_hit(store: Store) -> None:
    await cut(store, TENANT)
    store.stop_at(await store.scripts.now_ms(store.partition()) + LIFETIMES.absolute_ms + 1)
    await cut(store, KEY)
    for partition in store.partitions:
        assert await store.redis.hlen(key_in(partition, "cutoffs")) == 1


async def test_a_session_that_a_cutoff_has_ended_ends_once(store: Store) -> None:
    (token, *_) = await log_in(store)
    await cut(store, TENANT)
    assert (await store.end(token.session)).count == 0


async def test_a_login_behind_a_cutoff_that_comes_late_stays(store: Store) -> None:
    late = connected(store.redis, partitions=len(store.partitions))
    is_late(late)
    before = await log_in(store)
    with pytest.raises(StoreUnavailableError):
        await cut(late, TENANT)
    assert await refusals(store, before) == {None}


async def test_a_cutoff_that_reached_some_partitions_reaches_all_when_it_is_repeated(store: Store) -> None:
    before = await log_in(store)
    now_ms = int(time.time() * 1000)
    await set_alone(store, TENANT, now_ms)
    await cut(store, TENANT)
    assert await revoked(store, TENANT, before) == {True}
    assert await refusals(store, before) == {RefreshRefusal.REVOKED}
