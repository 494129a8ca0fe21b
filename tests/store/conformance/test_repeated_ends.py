"""A revocation that is repeated: whoever answers it knows what has ended, and the log stays as it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.domain.identifiers import hashed_id, subject_byte
from sessiond_server.domain.revocation import NO_ID, Position, RevocationType
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.session import Cause
from sessiond_server.service.sessions.revoke import (
    ByAccessToken,
    BySession,
    BySubject,
    Target,
)
from tests.support.commands import ANYBODY, revocation_over
from tests.support.fakes import ORIGIN, FakeClock
from tests.support.leases import PROVIDER_SESSION, Provider, tokens
from tests.support.revocations import viewed
from tests.support.store import ENTRY_LIFE_MS, ISSUER, Store
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.service.revocation.follow import Revocations
    from sessiond_server.service.storage.revocations import LogPage

ISSUED_MS = 1_000


async def authenticate(_: bytes, **_permitted: object) -> Any:
    """Every access token is a provider's, of the same login."""
    claims = SimpleNamespace(
        issuer=ISSUER,
        subject="alice",
        client_id="app",
        tenant_id=None,
        token_id="jti-1",
        provider_session_id=PROVIDER_SESSION,
    )
    return SimpleNamespace(
        claims=claims, policy=SimpleNamespace(is_local=False), revocation_ids=ids(started_ms=ISSUED_MS)
    )


class Server:
    """What a server that answers revocations has over a store; its view is read only when it must be."""

    def __init__(self, store: Store) -> None:
        self.view: Revocations = viewed(store, FakeClock())
        self._revocation = revocation_over(store, self.view, SimpleNamespace(authenticate=authenticate))

    async def revoke(self, target: Target) -> int:
        ended = await self._revocation.revoke(target, cause=Cause.LOGOUT, caller=ANYBODY, origin=ORIGIN)
        return ended.count


@pytest.fixture
async def server(store: Store) -> Server:
    """One that has read the log before anything happens."""
    server = Server(store)
    await server.view.catch_up(store.partition())
    return server


def ids(*hashed: bytes, provider_session: bytes = NO_ID, started_ms: int = 1) -> RevocationIds:
    return RevocationIds(hashed, NO_ID, provider_session, started_ms, subject_byte(ISSUER, "alice"))


async def head(store: Store) -> int:
    return (await store.log.read(store.partition(), None)).position.number


async def test_whoever_repeats_an_end_knows_it_before_the_answer(store: Store, server: Server) -> None:
    token = await store.open()
    await store.end(token.session)
    assert not server.view.revokes(ids(token.session.hashed))
    assert await server.revoke(BySession(token.session)) == 0
    assert server.view.revokes(ids(token.session.hashed))
    assert await head(store) == 1


async def test_whoever_revokes_a_subject_knows_what_of_it_had_ended(
    provider: Provider, server: Server
) -> None:
    """The cutoff spares the provider's session of the spared session, which the other one shared."""
    spared = await provider.open()
    other, _ = await provider.store.create(tokens=tokens("2"), provider_session=PROVIDER_SESSION)
    await provider.store.end(other.session)
    of_other = ids(
        hashed_id("subject", ISSUER, "alice"),
        hashed_id("token", ISSUER, "jti-2"),
        provider_session=hashed_id("provider_session", ISSUER, PROVIDER_SESSION),
    )
    assert not server.view.revokes(of_other)
    await server.revoke(BySubject(ISSUER, "alice", spared.session))
    assert server.view.revokes(of_other)


async def test_whoever_repeats_a_logout_knows_it_before_the_answer(
    provider: Provider, server: Server
) -> None:
    token = await provider.open()
    assert await Server(provider.store).revoke(ByAccessToken(b"access-1")) == 1
    logged = await head(provider.store)
    assert await server.revoke(ByAccessToken(b"access-1")) == 0
    for hashed in (token.session.hashed, hashed_id("token", ISSUER, "jti-1")):
        assert server.view.revokes(ids(hashed))
    assert await head(provider.store) == logged


async def test_a_logout_is_judged_by_when_its_token_was_issued(provider: Provider, server: Server) -> None:
    await provider.log_out(started_ms=ISSUED_MS)
    mark = provider.store.key(f"o:{hashed_id('token', ISSUER, 'jti-1').hex()}")
    await provider.store.redis.set(mark, ISSUED_MS - 1)
    logged = await head(provider.store)
    await server.revoke(ByAccessToken(b"access-1"))
    assert await head(provider.store) > logged


async def test_a_read_that_was_sent_before_does_not_count(store: Store, server: Server) -> None:
    token, log = await store.open(), LateLog(store)
    server.view._log_store = log
    early = asyncio.create_task(server.view.catch_up(store.partition()))
    await log.was_sent.wait()
    await store.end(token.session)
    late = asyncio.create_task(server.revoke(BySession(token.session)))
    # The revocation joins the read that is under way.
    under_way = server.view._reads._under_way[store.partition()]
    await eventually(lambda: len(under_way._callbacks) == 3)
    log.may_answer.set()
    await asyncio.gather(early, late)
    assert server.view.revokes(ids(token.session.hashed))


class LateLog:
    """The log, whose first answer is under way until it may come."""

    def __init__(self, store: Store) -> None:
        self._log = store.log
        self.partition_of = store.log.partition_of
        self.was_sent, self.may_answer = asyncio.Event(), asyncio.Event()

    async def read(self, partition: int, after: Position | None) -> LogPage:
        page = await self._log.read(partition, after)
        self.was_sent.set()
        await self.may_answer.wait()
        return page


async def test_what_cannot_be_read_is_not_acknowledged(store: Store, server: Server) -> None:
    token = await store.open()
    await store.end(token.session)

    async def fail(*_: Any) -> LogPage:
        raise StoreUnavailableError

    server.view._log_store.read = fail
    with pytest.raises(RevocationViewStaleError):
        await server.revoke(BySession(token.session))


async def test_the_same_logout_again_adds_nothing(provider: Provider) -> None:
    await provider.open()
    first = await provider.log_out()
    later = await provider.open()
    again = await provider.log_out()
    assert (first.count, again.count, again.logged.revocations) == (1, 0, ())
    assert again.logged.position == first.logged.position
    assert await provider.store.sessions.get(later.session) is not None


@pytest.mark.parametrize("session", [PROVIDER_SESSION, None])
async def test_a_logout_is_known_for_as_long_as_its_entries(provider: Provider, session: str | None) -> None:
    ended = await provider.log_out(session=session)
    await provider.log_out(session=session)
    mark = provider.store.key(f"o:{hashed_id('token', ISSUER, 'jti-1').hex()}")
    assert await provider.store.redis.pexpiretime(mark) >= ended.logged.revocations[0].expire_ms


async def test_a_later_token_of_the_same_providers_session_logs_out_anew(provider: Provider) -> None:
    """Tokens without an id are told apart by their time."""
    first = await provider.log_out(token_id=None)
    (entry,) = first.logged.revocations
    assert (await provider.log_out(token_id=None)).logged.revocations == ()
    later = await provider.open()
    ended = await provider.log_out(token_id=None, started_ms=entry.expire_ms - ENTRY_LIFE_MS + 1)
    assert ended.count == 1
    assert RevocationType.SESSION in {one.type for one in ended.logged.revocations}
    assert await provider.store.sessions.get(later.session) is None


async def test_a_token_that_names_nothing_ends_nothing(provider: Provider) -> None:
    await provider.open(session=None)
    ended = await provider.log_out(session=None, token_id=None)
    assert (ended.count, ended.logged.revocations) == (0, ())
    assert await provider.store.redis.keys("*}o:*") == []
