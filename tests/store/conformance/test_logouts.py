"""Logouts by a provider's access token: which sessions it stands for, and whom they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType
from tests.support.fakes import RecordingLogger
from tests.support.leases import PROVIDER_SESSION, Provider, tokens
from tests.support.store import ISSUER, connected

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken

LONG_EXPIRED = -3600


async def opened(
    provider: Provider,
    number: str,
    *,
    client_id: str = "app",
    session: str | None = PROVIDER_SESSION,
    seconds: float = 300,
) -> RefreshToken:
    given = tokens(number, session=session, seconds=seconds)
    token, _ = await provider.store.create(tokens=given, provider_session=session, client_id=client_id)
    return token


async def exchanged(provider: Provider, token: RefreshToken, last: int) -> None:
    """Exchange again and again: the access tokens have the numbers from 2 to `last`."""
    for number in range(2, last + 1):
        rotated = await provider.exchange(token, str(number), session=None)
        token = token.successor(pepper=token.pepper, rotation_salt=rotated.rotation_salt)


async def live(provider: Provider, *found: RefreshToken) -> list[bool]:
    return [await provider.store.sessions.get(token.session) is not None for token in found]


async def test_a_token_without_a_providers_session_ends_the_session_that_it_was_given_to(
    provider: Provider,
) -> None:
    first, second = await opened(provider, "1", session=None), await opened(provider, "2", session=None)
    ended = await provider.log_out(session=None)
    assert ended.count == 1
    assert {entry.hashed_id for entry in ended.logged.revocations} == {
        first.session.hashed,
        hashed_id("token", ISSUER, "jti-1"),
    }
    assert await live(provider, first, second) == [False, True]
    assert await provider.queued() == ["refresh-1"]


async def test_it_ends_the_session_though_it_has_expired(provider: Provider) -> None:
    token = await opened(provider, "1", session=None, seconds=LONG_EXPIRED)
    assert (await provider.log_out(session=None)).count == 1
    assert await live(provider, token) == [False]


async def test_it_ends_the_session_though_it_has_expired_and_a_newer_one_took_its_place(
    provider: Provider,
) -> None:
    await exchanged(provider, await opened(provider, "1", session=None, seconds=LONG_EXPIRED), 2)
    assert (await provider.log_out(session=None)).count == 1


async def test_a_token_that_a_ninth_pushed_out_is_revoked_and_stands_for_no_session(
    provider: Provider,
) -> None:
    token = await opened(provider, "1", session=None)
    await exchanged(provider, token, 9)
    assert (RevocationType.TOKEN, hashed_id("token", ISSUER, "jti-1")) in await provider.logged()
    assert (await provider.log_out(session=None)).count == 0
    assert await live(provider, token) == [True]
    assert (await provider.log_out(session=None, token_id="jti-2")).count == 1


async def test_an_expired_token_that_was_pushed_out_is_not_logged(provider: Provider) -> None:
    await exchanged(provider, await opened(provider, "1", session=None, seconds=LONG_EXPIRED), 9)
    assert await provider.logged() == []


async def test_a_token_ends_no_session_of_another_subject(provider: Provider) -> None:
    theirs = await provider.open(session=None, subject="bob")
    assert (await provider.log_out(session=None)).count == 0
    assert await live(provider, theirs) == [True]


async def test_a_caller_of_some_clients_ends_their_sessions_alone(provider: Provider) -> None:
    ours, theirs = await opened(provider, "1", client_id="web"), await opened(provider, "2")
    ended = await provider.log_out(client_ids=["web"])
    assert ended.count == 1
    assert await live(provider, ours, theirs) == [False, True]
    assert {entry.hashed_id for entry in ended.logged.revocations} == {
        ours.session.hashed,
        hashed_id("token", ISSUER, "jti-1"),
    }


async def test_a_providers_session_that_no_other_client_lives_by_is_revoked(provider: Provider) -> None:
    await opened(provider, "1", client_id="web")
    ended = await provider.log_out(client_ids=["web"])
    assert RevocationType.PROVIDER_SESSION in {entry.type for entry in ended.logged.revocations}


@pytest.mark.parametrize("client_ids", [[], ["web"]])
async def test_a_token_of_another_clients_session_does_not_end_it(
    provider: Provider, client_ids: list[str]
) -> None:
    theirs = await opened(provider, "1", session=None)
    assert (await provider.log_out(session=None, client_ids=client_ids)).count == 0
    assert await live(provider, theirs) == [True]


async def test_a_logout_of_some_clients_is_not_one_of_all(provider: Provider) -> None:
    theirs = await opened(provider, "2")
    await provider.log_out(client_ids=["web"])
    assert (await provider.log_out(client_ids=["web"])).logged.revocations == ()
    assert (await provider.log_out()).count == 1
    assert await live(provider, theirs) == [False]


async def test_a_logout_of_all_is_one_of_some_clients_too(provider: Provider) -> None:
    await provider.log_out()
    later = await opened(provider, "2", client_id="web")
    assert (await provider.log_out(client_ids=["web"])).logged.revocations == ()
    assert await live(provider, later) == [True]
    (mark,) = await provider.store.redis.keys("*}o:*")
    assert await provider.store.redis.pttl(mark) > 0


async def test_an_index_that_names_somebody_elses_session_ends_none(provider: Provider) -> None:
    logger, redis = RecordingLogger(), provider.store.redis
    store = connected(redis, partitions=len(provider.store.partitions), logger=logger)
    watched = Provider(store, store.stores.leases, store.stores.queue)
    theirs = await watched.open(subject=store.neighbour)
    await redis.zadd(store.index_key(), {theirs.session.raw + theirs.session.hashed: 2**52})
    assert (await watched.log_out()).count == 0
    assert await live(watched, theirs) == [True]
    assert logger.said("the index of a subject names somebody else's sessions") == [{"count": 1}]
