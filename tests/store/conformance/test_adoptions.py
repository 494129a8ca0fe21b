"""A provider's refresh token opens one session, whoever presents it and however often."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.limits import LEASE_MS
from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_id
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.service.storage.adoptions import Adoption, Free, ProviderRefreshToken
from sessiond_server.service.storage.sessions import Busy, NotRotated, Rotated
from tests.support.leases import held, tokens
from tests.support.store import HOUR, ISSUER, LIFETIMES, Store

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.adoptions import Adoptions
    from tests.support.leases import Provider

TOKEN = ProviderRefreshToken(ISSUER, "a token of a provider")
ONE, OTHER = b"1" * 16, b"2" * 16
NOT_BOUND = confirmation_id(None)


@pytest.fixture
def adoptions(store: Store) -> Adoptions:
    return store.stores.adoptions


def adoption() -> Adoption:
    return Adoption(SessionId(os.urandom(16)), b"pepp", b"s" * 32, b"f" * 16)


async def key_of(store: Store) -> bytes:
    (key,) = [key async for key in store.redis.scan_iter("*ad:*")]
    return key


async def test_one_call_at_a_time_exchanges_a_token(adoptions: Adoptions) -> None:
    assert await adoptions.begin(TOKEN, holder=ONE) == Free()
    assert await adoptions.begin(TOKEN, holder=OTHER) == Busy()
    assert await adoptions.begin(replace(TOKEN, text="another"), holder=OTHER) == Free()
    assert await adoptions.begin(replace(TOKEN, issuer="https://other"), holder=OTHER) == Free()
    assert await adoptions.begin(TOKEN, holder=ONE) == Free()


async def test_a_right_that_nobody_uses_ends_with_its_lease(store: Store, adoptions: Adoptions) -> None:
    await adoptions.begin(TOKEN, holder=ONE)
    assert 0 < await store.redis.pttl(await key_of(store)) <= LEASE_MS


async def test_whoever_has_the_right_can_give_it_back(adoptions: Adoptions) -> None:
    await adoptions.begin(TOKEN, holder=ONE)
    await adoptions.release(TOKEN, holder=OTHER)
    assert await adoptions.begin(TOKEN, holder=OTHER) == Busy()
    await adoptions.release(TOKEN, holder=ONE)
    assert await adoptions.begin(TOKEN, holder=OTHER) == Free()


async def test_what_was_given_for_a_token_is_held_for_whoever_comes_next(
    store: Store, adoptions: Adoptions
) -> None:
    await adoptions.begin(TOKEN, holder=ONE)
    assert await adoptions.hold(TOKEN, "the next one", holder=ONE)
    assert await adoptions.begin(TOKEN, holder=OTHER) == Free("the next one")
    # It is known to nobody who reads the store, and not for ever.
    (held_key,) = [key async for key in store.redis.scan_iter("*ad:*:held")]
    assert b"the next one" not in await store.redis.get(held_key)
    assert HOUR < await store.redis.pttl(held_key) <= 24 * HOUR
    await adoptions.release(TOKEN, holder=OTHER)
    assert await adoptions.begin(TOKEN, holder=OTHER) == Free("the next one")
    await adoptions.release(TOKEN, holder=OTHER, forgets_successor=True)
    assert await adoptions.begin(TOKEN, holder=OTHER) == Free()


async def test_whoever_holds_too_late_takes_nobodys_right(adoptions: Adoptions) -> None:
    await adoptions.begin(TOKEN, holder=OTHER)
    assert await adoptions.hold(TOKEN, "the next one", holder=ONE)
    assert await adoptions.begin(TOKEN, holder=ONE) == Busy()
    await adoptions.release(TOKEN, holder=OTHER)
    assert await adoptions.begin(TOKEN, holder=ONE) == Free("the next one")
    opened = adoption()
    assert await adoptions.keep(TOKEN, opened, life_ms=HOUR)
    assert not await adoptions.hold(TOKEN, "another one", holder=ONE)
    assert await adoptions.begin(TOKEN, holder=ONE) == opened


async def test_a_session_that_was_opened_leaves_nothing_held(store: Store, adoptions: Adoptions) -> None:
    await adoptions.begin(TOKEN, holder=ONE)
    await adoptions.hold(TOKEN, "the next one", holder=ONE)
    await adoptions.keep(TOKEN, adoption(), life_ms=HOUR)
    assert [key async for key in store.redis.scan_iter("*:held")] == []


async def test_what_a_token_has_opened_is_told_to_everybody(store: Store, adoptions: Adoptions) -> None:
    opened = adoption()
    await adoptions.begin(TOKEN, holder=ONE)
    assert await adoptions.keep(TOKEN, opened, life_ms=HOUR)
    for holder in (ONE, OTHER):
        assert await adoptions.begin(TOKEN, holder=holder) == opened
    assert 0 < await store.redis.pttl(await key_of(store)) <= HOUR


async def test_what_has_opened_a_session_is_not_given_back(adoptions: Adoptions) -> None:
    opened = adoption()
    await adoptions.begin(TOKEN, holder=ONE)
    await adoptions.keep(TOKEN, opened, life_ms=HOUR)
    await adoptions.release(TOKEN, holder=ONE)
    assert await adoptions.begin(TOKEN, holder=OTHER) == opened


async def test_the_first_session_stays_and_may_be_told_again(adoptions: Adoptions) -> None:
    first, second = adoption(), adoption()
    assert await adoptions.keep(TOKEN, first, life_ms=HOUR)
    assert not await adoptions.keep(TOKEN, second, life_ms=HOUR)
    assert await adoptions.keep(TOKEN, first, life_ms=HOUR)
    assert await adoptions.begin(TOKEN, holder=ONE) == first


# The first tokens of a session, once more.


async def refusal(adoptions: Adoptions, token: RefreshToken) -> RefreshRefusal:
    outcome = await adoptions.answer_again(token.session, confirmation_id=NOT_BOUND)
    assert isinstance(outcome, NotRotated)
    return outcome.refusal


async def test_the_first_tokens_are_answered_again(provider: Provider, adoptions: Adoptions) -> None:
    token = await provider.open()
    for replays in (1, 2):
        outcome = await adoptions.answer_again(token.session, confirmation_id=NOT_BOUND)
        assert isinstance(outcome, Rotated)
        assert outcome.replayed
        assert outcome.access_token == tokens("1").access_token
        assert (await provider.store.header(token.session)).replays == replays


async def test_not_behind_the_grace(provider: Provider, adoptions: Adoptions) -> None:
    token = await provider.open()
    await provider.store.age(token.session, LIFETIMES.grace_ms)
    assert await refusal(adoptions, token) is RefreshRefusal.SUPERSEDED


async def test_not_once_the_token_is_being_exchanged_or_was(provider: Provider, adoptions: Adoptions) -> None:
    token = await provider.open()
    rotation = held(token)
    leased = await provider.lease(token, rotation)
    assert await refusal(adoptions, token) is RefreshRefusal.SUPERSEDED
    await provider.leases.commit(*leased, tokens("2"))
    assert await refusal(adoptions, token) is RefreshRefusal.SUPERSEDED


async def test_not_more_often_than_any_other(provider: Provider, adoptions: Adoptions) -> None:
    token = await provider.open()
    await provider.store.change(token.session, replays=1000)
    assert await refusal(adoptions, token) is RefreshRefusal.SUPERSEDED


async def test_not_without_the_access_token(provider: Provider, adoptions: Adoptions) -> None:
    token = await provider.open()
    await provider.store.redis.delete(provider.store.provider_key("a", token.session))
    assert await refusal(adoptions, token) is RefreshRefusal.SUPERSEDED


async def test_not_of_a_session_that_is_over(provider: Provider, adoptions: Adoptions) -> None:
    unknown = await provider.open()
    await provider.store.redis.delete(provider.store.record_key(unknown.session))
    assert await refusal(adoptions, unknown) is RefreshRefusal.INVALID
    ended = await provider.open()
    await provider.store.end(ended.session)
    assert await refusal(adoptions, ended) is RefreshRefusal.REVOKED
    for field, refused in (
        ("absolute_expire_ms", RefreshRefusal.LIFETIME_EXCEEDED),
        ("idle_expire_ms", RefreshRefusal.IDLE_TIMEOUT),
    ):
        token = await provider.open()
        await provider.store.change(token.session, **{field: 1})
        await provider.store.redis.persist(provider.store.record_key(token.session))
        assert await refusal(adoptions, token) is refused


async def test_not_to_whoever_lacks_the_key(provider: Provider, adoptions: Adoptions) -> None:
    key = (KEY_MEMBER, "a key")
    token, _ = await provider.store.create(tokens=tokens("1"), provider_session="ses_1", confirmation=key)
    assert await refusal(adoptions, token) is RefreshRefusal.BINDING_MISMATCH
    outcome = await adoptions.answer_again(token.session, confirmation_id=confirmation_id(key))
    assert isinstance(outcome, Rotated)
