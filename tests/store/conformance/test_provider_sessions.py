"""A provider's session (`sid`) is revoked up to its end, and not while others live by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.identifiers import hashed_id, subject_byte
from sessiond_server.domain.revocation import NO_ID, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.session import Cause
from sessiond_server.domain.view import RevocationView
from tests.support.leases import PROVIDER_SESSION, Provider, tokens
from tests.support.store import ISSUER, LIFETIMES, at_most, connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessiond_server.domain.refresh_token import RefreshToken

SID = hashed_id("provider_session", ISSUER, PROVIDER_SESSION)
TYPES_OF_AN_END = [RevocationType.TOKEN, RevocationType.SESSION]


async def opened(provider: Provider, number: int) -> RefreshToken:
    """A login of the one provider's session, with an access token of its own."""
    token, _ = await provider.store.create(tokens=tokens(str(number)), provider_session=PROVIDER_SESSION)
    return token


async def is_revoked(provider: Provider, number: int, *, started_ms: int = 1) -> bool:
    """Whether a server that has read the log refuses the access token of a login."""
    view = RevocationView(partitions=1)
    for revocation in (await provider.store.log.read(provider.store.partition(), None)).revocations:
        view.apply(0, revocation)
    ids = (SID, hashed_id("token", ISSUER, f"jti-{number}"), hashed_id("subject", ISSUER, "alice"))
    return view.revokes(0, RevocationIds(ids, NO_ID, SID, started_ms, subject_byte(ISSUER, "alice")))


async def ended_ms(provider: Provider) -> int:
    """Until when the tokens of the provider's session are revoked."""
    page = await provider.store.log.read(provider.store.partition(), None)
    return max(one.not_before_ms for one in page.revocations if one.hashed_id == SID)


async def by_session(provider: Provider, token: RefreshToken) -> None:
    await provider.store.end(token.session)


async def by_access_token(provider: Provider, _: RefreshToken) -> None:
    await provider.log_out()


async def by_its_provider(provider: Provider, token: RefreshToken) -> None:
    rotation, leased = await provider.lease(token)
    await provider.leases.end_leased(rotation, leased, cause=Cause.PROVIDER_REFUSED, brought=None)


@pytest.mark.parametrize("end", [by_session, by_access_token, by_its_provider])
async def test_a_later_login_of_a_providers_session_that_ended_is_accepted(
    provider: Provider, end: Callable[[Provider, RefreshToken], Awaitable[None]]
) -> None:
    before = int((await provider.store.redis.time())[0]) * 1000
    await end(provider, await opened(provider, 1))
    at_ms = await ended_ms(provider)
    assert before <= at_ms < before + LIFETIMES.absolute_ms
    assert await is_revoked(provider, 2, started_ms=at_ms)
    assert not await is_revoked(provider, 2, started_ms=at_ms + 1)
    assert await is_revoked(provider, 1, started_ms=at_ms + 1)


async def test_what_ends_while_others_share_its_providers_session_takes_its_own_tokens_alone(
    provider: Provider,
) -> None:
    first, second = await opened(provider, 1), await opened(provider, 2)
    ended = await provider.store.end(first.session)
    assert [entry.type for entry in ended.logged.revocations] == TYPES_OF_AN_END
    assert await is_revoked(provider, 1)
    assert not await is_revoked(provider, 2)
    last = await provider.store.end(second.session)
    assert [entry.type for entry in last.logged.revocations] == [
        RevocationType.PROVIDER_SESSION,
        *TYPES_OF_AN_END,
    ]


async def test_a_session_of_another_providers_session_shares_nothing(provider: Provider) -> None:
    await provider.open(session="ses_2")
    token = await opened(provider, 1)
    await provider.store.end(token.session)
    assert await is_revoked(provider, 9)


async def test_a_session_that_has_timed_out_shares_nothing(provider: Provider) -> None:
    first, over = await opened(provider, 1), await opened(provider, 2)
    await provider.store.age(over.session, LIFETIMES.idle_ms)
    await provider.store.end(first.session)
    assert await is_revoked(provider, 2)


async def test_sessions_that_a_cutoff_ends_share_nothing(provider: Provider) -> None:
    for number in (1, 2):
        await opened(provider, number)
    await provider.store.end_subject()
    assert SID in {hashed for _, hashed in await provider.logged()}


async def test_a_session_that_a_cutoff_hit_shares_nothing(provider: Provider) -> None:
    """The store lost its end, but not the cutoff."""
    store, hit = provider.store, await opened(provider, 1)
    record, members = await store.record(hit.session), await store.redis.zrange(store.index_key(), 0, -1)
    await store.end_subject()
    await store.redis.set(store.record_key(hit.session), record)
    later = await opened(provider, 2)
    absolute_expire_ms = (await store.header(hit.session)).absolute_expire_ms
    await store.redis.zadd(store.index_key(), {members[0]: absolute_expire_ms})
    ended = await store.end(later.session)
    assert ended.logged.revocations[0].type is RevocationType.PROVIDER_SESSION


async def test_a_logout_by_access_token_ends_all_that_share_its_providers_session(provider: Provider) -> None:
    first, second = await opened(provider, 1), await opened(provider, 2)
    assert (await provider.log_out()).count == 2
    for token in (first, second):
        assert await provider.store.sessions.get(token.session) is None
    assert [await is_revoked(provider, number) for number in (1, 2, 3)] == [True] * 3


@pytest.mark.parametrize("limit", [1, 2])
async def test_the_session_limit_leaves_the_new_sessions_own_token(provider: Provider, limit: int) -> None:
    store = connected(provider.store.redis, partitions=len(provider.store.partitions), rules=at_most(limit))
    limited = Provider(store, store.stores.leases, store.stores.queue)
    logins = [await opened(limited, number) for number in range(4)]
    live = [await store.sessions.get(token.session) is not None for token in logins]
    assert live == [False] * (4 - limit) + [True] * limit
    assert [await is_revoked(limited, number) for number in range(4)] == [not one for one in live]


async def test_a_spared_session_keeps_the_providers_session_that_others_shared(provider: Provider) -> None:
    spared, _ = await opened(provider, 1), await opened(provider, 2)
    await provider.store.end_subject(spared=spared.session)
    assert not await is_revoked(provider, 1)
    assert await is_revoked(provider, 2)


async def test_a_ninth_token_leaves_none_that_an_end_would_miss(provider: Provider) -> None:
    token, _ = await opened(provider, 1), await opened(provider, 99)
    for number in range(2, 12):
        rotated = await provider.exchange(token, str(number))
        token = token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)
    assert [await is_revoked(provider, number) for number in range(1, 12)] == [True] * 3 + [False] * 8
    await provider.store.end(token.session)
    assert [await is_revoked(provider, number) for number in range(1, 12)] == [True] * 11
    assert not await is_revoked(provider, 99)


async def test_an_end_and_the_same_again_name_what_the_providers_tokens_are_known_by(
    provider: Provider,
) -> None:
    token = await opened(provider, 1)
    for count in (1, 0):
        ended = await provider.store.end(token.session)
        assert (ended.count, ended.named) == (count, (token.session.hashed, SID))
