"""A log that has as many entries as it may takes nothing new, drops nothing, and knows what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.failures import RefreshRefusal, RevocationLogFullError
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, Store, at_most, connected, first_token
from tests.support.survivors import Survivor, logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MOST = 3


@pytest.fixture
async def full(store: Store) -> Store:
    """The store, whose log of alice's partition has as many entries as it may."""
    limited = connected(store.redis, partitions=len(store.partitions), max_log_entries=MOST)
    for _ in range(MOST):
        await limited.end((await limited.open()).session)
    return limited


async def cut(store: Store, tenant: str) -> object:
    return await store.stores.cutoffs.set(
        Shared(RevocationType.TENANT, ISSUER, tenant),
        cutoff_life_ms=LIFETIMES.absolute_ms,
        entry_life_ms=ENTRY_LIFE_MS,
    )


async def log_out(store: Store, token_id: str) -> object:
    return await store.sessions.end_provider(
        ISSUER,
        "alice",
        provider_session=None,
        token_id=token_id,
        started_ms=1,
        client_ids=None,
        cause=Cause.LOGOUT,
        entry_life_ms=ENTRY_LIFE_MS,
    )


async def end_what_was_lost(store: Store) -> object:
    return await store.end(first_token().session, is_proven=True)


REVOCATIONS = [
    pytest.param(Store.end_subject, id="subject"),
    pytest.param(lambda store: cut(store, "acme"), id="tenant"),
    pytest.param(lambda store: log_out(store, "jti-1"), id="logout"),
    pytest.param(end_what_was_lost, id="lost-session"),
]


async def test_a_session_that_cannot_be_logged_does_not_end(full: Store) -> None:
    token = await full.open()
    with pytest.raises(RevocationLogFullError):
        await full.end(token.session)
    assert isinstance(await full.rotate(token), Rotated)
    assert len(await logs(full)) == MOST


@pytest.mark.parametrize("revoke", REVOCATIONS)
async def test_nothing_new_is_revoked_and_nothing_has_changed(
    full: Store, revoke: Callable[[Store], Awaitable[object]]
) -> None:
    token = await full.open()
    before = {key: await full.redis.dump(key) for key in await full.redis.keys(full.key("*"))}
    with pytest.raises(RevocationLogFullError):
        await revoke(full)
    after = {key: await full.redis.dump(key) for key in await full.redis.keys(full.key("*"))}
    assert after == before
    assert isinstance(await full.rotate(token), Rotated)


WAYS = (
    Store.end_subject,
    lambda store: cut(store, "acme"),
    lambda store: log_out(store, "jti-1"),
)


async def test_what_is_revoked_already_is_revoked_again(store: Store) -> None:
    limited = connected(store.redis, partitions=len(store.partitions), max_log_entries=4)
    token = await limited.open()
    await limited.end(token.session)
    for revoke in WAYS:
        await revoke(limited)
    assert (await limited.end(token.session)).count == 0
    limited.stop_at(await limited.scripts.now_ms(limited.partition()) + 5000)
    for revoke in WAYS:
        await revoke(limited)
    with pytest.raises(RevocationLogFullError):
        await limited.end((await limited.open()).session)


async def test_a_login_that_would_end_another_session_is_refused(full: Store) -> None:
    limited = connected(full.redis, partitions=len(full.partitions), rules=at_most(1), max_log_entries=MOST)
    token = await limited.open()
    with pytest.raises(RevocationLogFullError):
        await limited.open()
    assert isinstance(await limited.rotate(token), Rotated)


async def test_what_sessiond_ends_by_itself_is_logged_all_the_same(full: Store) -> None:
    token = await full.open()
    await full.next(token)
    await full.age(token.session, 60_000)
    reused = await full.rotate(token)
    assert isinstance(reused, NotRotated)
    assert reused.refusal is RefreshRefusal.REUSED
    assert (await logs(full))[-1].hashed_id == token.session.hashed


async def test_what_was_lost_is_written_again_beyond_it(full: Store) -> None:
    survivor = Survivor(full)
    await survivor.read()
    await full.redis.flushall()
    for _ in range(MOST):
        await full.end((await full.open()).session)
    await survivor.restore()
    assert len(await logs(full)) == 2 * MOST


async def test_a_log_takes_entries_again_when_some_have_expired(full: Store) -> None:
    full.stop_at(await full.scripts.now_ms(full.partition()) + 2 * ENTRY_LIFE_MS)
    token = await full.open()
    with pytest.raises(RevocationLogFullError):
        await full.end(token.session)
    await full.log.trim(full.partition())
    assert (await full.end(token.session)).count == 1
