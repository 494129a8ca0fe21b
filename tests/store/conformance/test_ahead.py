"""Exchanges that are made before anybody needs them: they lose nothing, and change no answer."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.hashed_ids import HashedIssuers
from sessiond_server.adapters.store.limits import LEASE_MS
from sessiond_server.adapters.store.record import Flag
from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.ahead import Ahead
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Busy, Leased, Rotated
from tests.support.leases import held, tokens
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.ahead import ExchangesAhead
    from tests.support.leases import Provider

WITHIN_MS = 600_000
GRACE_MS = LIFETIMES.grace_ms


@pytest.fixture
def ahead(provider: Provider) -> ExchangesAhead:
    """Access tokens are handed out again here, while more than a minute is left of them."""
    issuers = HashedIssuers({ISSUER: 60_000}, {ISSUER: ["app"]})
    for port in (provider.store.sessions, provider.store.stores.ahead):
        port._issuers = issuers  # type: ignore[attr-defined]
    return provider.store.stores.ahead


def due(token: RefreshToken, *, within_ms: int = WITHIN_MS) -> Ahead:
    return Ahead(token.session, os.urandom(16), within_ms, ENTRY_LIFE_MS)


async def used(provider: Provider) -> RefreshToken:
    """A session that was used just behind its grace."""
    token = await provider.open()
    await provider.store.age(token.session, GRACE_MS + 1)
    return token


async def leased(ahead: ExchangesAhead, token: RefreshToken) -> tuple[Ahead, Leased]:
    wanted = due(token)
    found = await ahead.lease(wanted)
    assert found is not None
    return wanted, found


async def rotated(provider: Provider, token: RefreshToken) -> Rotated:
    found = await provider.store.sessions.rotate(held(token))
    assert isinstance(found, Rotated)
    return found


def successor(token: RefreshToken, found: Rotated) -> RefreshToken:
    return token.successor(pepper=token.pepper, rotation_salt=found.rotation_salt)


async def ends_soon(provider: Provider, token: RefreshToken) -> None:
    """The access token ends before it could be handed out again."""
    await provider.store.redis.pexpire(provider.store.provider_key("a", token.session), 30_000)


async def test_what_it_brings_is_what_the_next_refresh_gets(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    assert (found.refresh_token, found.in_doubt) == ("refresh-1", False)
    assert await ahead.keep(wanted, found, tokens("2"))
    header = await provider.store.header(token.session)
    assert (header.generation, header.flags) == (0, Flag.PROVIDER)
    refreshed = await rotated(provider, token)
    assert refreshed.access_token == "access-2"
    # The next exchange sends what this one brought.
    await ends_soon(provider, token)
    _, found = await provider.lease(successor(token, refreshed))
    assert found.refresh_token == "refresh-2"


async def test_the_end_of_the_session_revokes_both_access_tokens(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    await ahead.keep(wanted, found, tokens("2"))
    before = len(await provider.logged())
    await provider.store.end(token.session)
    types = [kind.name for kind, _ in (await provider.logged())[before:]]
    assert types.count("TOKEN") == 2
    assert await provider.queued() == ["refresh-2"]


async def test_nothing_is_done_within_the_grace_of_the_last_use(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    """Whoever asks again then must get the same access token."""
    token = await provider.open()
    await provider.store.age(token.session, GRACE_MS - 5_000)
    assert await ahead.lease(due(token)) is None


async def test_nothing_is_done_where_the_access_token_lives_longer_or_has_ended(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    assert await ahead.lease(due(token, within_ms=100_000)) is None
    await provider.store.redis.delete(provider.store.provider_key("a", token.session))
    assert await ahead.lease(due(token)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"idle_expire_ms": 1},
        {"absolute_expire_ms": 1},
        {"flags": 0},
        {"flags": Flag.PROVIDER | Flag.IN_DOUBT},
        {"flags": Flag.PROVIDER | Flag.LEASED, "lease_holder": b"h" * 16},
        {"hold_until_ms": 2**50},
        {"hashed_issuer": b"i" * 16},
    ],
)
async def test_nothing_is_done_for_a_session_that_is_over_or_in_trouble(
    provider: Provider, ahead: ExchangesAhead, change: dict[str, Any]
) -> None:
    token = await used(provider)
    await provider.store.change(token.session, **change)
    assert await ahead.lease(due(token)) is None


async def test_nothing_is_done_for_a_session_that_has_ended(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token, other = await used(provider), await used(provider)
    await provider.store.end(token.session)
    assert await ahead.lease(due(token)) is None
    await provider.store.end_subject()
    assert await ahead.lease(due(other)) is None


async def test_a_refresh_meanwhile_is_answered_at_once_and_its_answer_stays(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    first = await rotated(provider, token)
    assert first.access_token == "access-1"
    assert await ahead.keep(wanted, found, tokens("2"))
    again = await rotated(provider, token)
    assert (again.replayed, again.access_token) == (True, "access-1")
    # Nothing is lost of what came.
    await ends_soon(provider, token)
    _, next_lease = await provider.lease(successor(token, first))
    assert (next_lease.refresh_token, next_lease.in_doubt) == ("refresh-2", False)


async def test_nobody_else_exchanges_meanwhile(provider: Provider, ahead: ExchangesAhead) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    assert await ahead.lease(due(token)) is None
    token = successor(token, await rotated(provider, token))
    await ends_soon(provider, token)
    assert isinstance(await provider.store.sessions.rotate(held(token)), Busy)
    await ahead.keep(wanted, found, tokens("2"))
    _, next_lease = await provider.lease(token)
    assert next_lease.refresh_token == "refresh-2"


async def test_one_that_nobody_finished_leaves_a_doubt(provider: Provider, ahead: ExchangesAhead) -> None:
    token = await used(provider)
    await leased(ahead, token)
    token = successor(token, await rotated(provider, token))
    await ends_soon(provider, token)
    header = await provider.store.header(token.session)
    await provider.store.change(token.session, lease_until_ms=header.lease_until_ms - LEASE_MS - 1)
    _, found = await provider.lease(token)
    assert found.in_doubt


async def test_what_comes_for_a_session_that_has_ended_is_revoked_at_its_provider(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    await provider.store.end(token.session)
    assert not await ahead.keep(wanted, found, tokens("2"))
    assert await provider.queued() == ["refresh-1", "refresh-2"]


async def test_what_comes_late_does_not_take_the_place_of_newer_tokens(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    await provider.store.change(token.session, lease_until_ms=1)
    await ends_soon(provider, token)
    exchanged = await provider.exchange(token, "3")
    assert not await ahead.keep(wanted, found, tokens("2"))
    again = await rotated(provider, successor(token, exchanged))
    assert again.access_token == "access-3"


async def test_the_same_again_changes_nothing(provider: Provider, ahead: ExchangesAhead) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    assert await ahead.keep(wanted, found, tokens("2"))
    record = await provider.store.record(token.session)
    assert await ahead.keep(wanted, found, tokens("2"))
    assert await provider.store.record(token.session) == record


@pytest.mark.parametrize(("life_ms", "shortens"), [(None, False), (0, False), (10**12, False), (5000, True)])
async def test_no_session_may_go_unused_for_longer_by_it(
    provider: Provider, ahead: ExchangesAhead, life_ms: int | None, *, shortens: bool
) -> None:
    token = await used(provider)
    before = await provider.store.header(token.session)
    wanted, found = await leased(ahead, token)
    await ahead.keep(wanted, found, replace(tokens("2"), refresh_life_ms=life_ms))
    after = await provider.store.header(token.session)
    assert after.absolute_expire_ms == before.absolute_expire_ms
    assert (after.rotated_ms, after.created_ms) == (before.rotated_ms, before.created_ms)
    assert (after.idle_expire_ms < before.idle_expire_ms) is shortens
    assert after.idle_expire_ms <= before.idle_expire_ms


async def test_an_access_token_that_is_not_handed_out_leaves_the_one_that_is_there(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    assert await ahead.keep(wanted, found, replace(tokens("2"), access_token="", token_id=None))
    refreshed = await rotated(provider, token)
    assert refreshed.access_token == "access-1"
    await ends_soon(provider, token)
    _, found = await provider.lease(successor(token, refreshed))
    assert found.refresh_token == "refresh-2"


async def test_a_lease_that_is_given_back_keeps_nobody_waiting(
    provider: Provider, ahead: ExchangesAhead
) -> None:
    token = await used(provider)
    for end, in_doubt in ((LeaseEnd.RELEASE, False), (LeaseEnd.DOUBT, True)):
        wanted, _ = await leased(ahead, token)
        await ahead.release(wanted, end)
        header = await provider.store.header(token.session)
        assert bool(header.flags & Flag.IN_DOUBT) is in_doubt
        assert not header.flags & Flag.LEASED


async def test_a_session_that_its_provider_has_ended_ends(provider: Provider, ahead: ExchangesAhead) -> None:
    token = await used(provider)
    wanted, found = await leased(ahead, token)
    ended = await ahead.end(wanted, found, cause=Cause.PROVIDER_MISMATCH, brought="refresh-2")
    assert ended.count == 1
    assert await provider.store.sessions.get(token.session) is None
    assert sorted(await provider.queued()) == ["refresh-1", "refresh-2"]
