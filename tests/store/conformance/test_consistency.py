"""What one server revoked, and what another one knows of it at once, by what its caller demands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.consistency import AtLeastAsFresh, FullyConsistent
from sessiond_server.domain.failures import InputRefusedError, RevocationViewStaleError
from sessiond_server.domain.identifiers import subject_byte
from sessiond_server.domain.revocation import NO_ID, from_revision, to_revision
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.service.revocation.consistency import RequiredConsistency
from tests.support.fakes import FakeClock
from tests.support.revocations import viewed
from tests.support.store import ISSUER, Store

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.revocation.follow import Revocations


@pytest.fixture
async def view(store: Store) -> Revocations:
    """What a server knows that has read the log before anything happens."""
    view = viewed(store, FakeClock())
    for partition in store.partitions:
        await view.catch_up(partition)
    return view


def is_revoked(view: Revocations, token: RefreshToken) -> bool:
    hashed = token.session.hashed
    return view.revokes(RevocationIds((hashed,), hashed, NO_ID, 1, subject_byte(ISSUER, "alice")))


async def revoked_elsewhere(store: Store) -> tuple[RefreshToken, AtLeastAsFresh]:
    """A session that another server has ended, and the revision that its answer said."""
    token = await store.open()
    ended = await store.end(token.session)
    positions = from_revision(to_revision([ended.logged.position]))
    assert positions
    return token, AtLeastAsFresh(positions)


async def test_by_itself_a_view_does_not_know_what_was_revoked_elsewhere(
    store: Store, view: Revocations
) -> None:
    token, _ = await revoked_elsewhere(store)
    assert not is_revoked(view, token)


async def test_a_fully_consistent_call_knows_it(store: Store, view: Revocations) -> None:
    token, _ = await revoked_elsewhere(store)
    await RequiredConsistency(view).reach(FullyConsistent(), {store.partition()})
    assert is_revoked(view, token)


async def test_a_call_that_is_at_least_as_fresh_as_the_revocation_knows_it(
    store: Store, view: Revocations
) -> None:
    token, revision = await revoked_elsewhere(store)
    await RequiredConsistency(view).reach(revision, {store.partition()})
    assert is_revoked(view, token)
    known = from_revision(view.revision)
    assert known
    assert set(revision.positions) <= set(known)


async def test_a_revision_of_an_emptied_store_needs_everything_known(store: Store, view: Revocations) -> None:
    _, revision = await revoked_elsewhere(store)
    await store.redis.flushall()
    token, _ = await revoked_elsewhere(store)
    required = RequiredConsistency(view)
    with pytest.raises(RevocationViewStaleError):
        await required.reach(revision, {store.partition()})
    store.stop_at(await store.scripts.now_ms(store.partition()) + 5_000)
    await required.reach(revision, {store.partition()})
    assert is_revoked(view, token)


async def test_a_revision_that_nobody_gave_out_is_refused(store: Store, view: Revocations) -> None:
    _, revision = await revoked_elsewhere(store)
    await store.redis.delete(store.key("log"))
    await store.redis.hset(store.key("head"), mapping={"n": 0, "tag": ""})
    with pytest.raises(InputRefusedError):
        await RequiredConsistency(view).reach(revision, {store.partition()})
