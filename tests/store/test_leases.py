"""Sessions of providers in the store: one exchange at a time, committed once, and let go of as a whole."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.marks import IssuerMarks
from sessiond_server.adapters.store.provider_tokens import RedisProviderRevocations
from sessiond_server.adapters.store.redis_session_leases import RedisSessionLeases
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause, Login
from sessiond_server.service.provider_revocations import revoke_queued
from sessiond_server.service.session_store import (
    Busy,
    Leased,
    LeaseEnd,
    Moved,
    NewSession,
    NotRotated,
    ProviderTokens,
    QueuedRevocation,
    Rotated,
    Rotation,
)
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, SEALING, SilentLog, Store, first_token, proposal, record_key

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken

PROVIDER_SESSION = "ses_1"


@dataclass
class Provider:
    """A store, and what only sessions of providers need of it."""

    store: Store
    leases: RedisSessionLeases
    queue: RedisProviderRevocations

    async def open(self, *, session: str | None = PROVIDER_SESSION, subject: str = "alice") -> RefreshToken:
        token = first_token(subject)
        login = Login(ISSUER, subject, "app", provider_session=session)
        await self.store.sessions.create(
            NewSession(
                token.session, login, LIFETIMES, token.pepper.id, token.secret_hash, ENTRY_LIFE_MS, tokens("1", session=session)
            )
        )
        return token

    async def lease(self, token: RefreshToken, rotation: Rotation | None = None) -> tuple[Rotation, Leased]:
        rotation = rotation or held(token)
        leased = await self.store.sessions.rotate(rotation)
        assert isinstance(leased, Leased)
        return rotation, leased

    async def exchange(self, token: RefreshToken, number: str, *, session: str | None = PROVIDER_SESSION) -> Any:
        rotation, leased = await self.lease(token)
        return await self.leases.commit(rotation, leased, tokens(number, session=session))

    async def ended(self) -> QueuedRevocation:
        """What is to be revoked of a session that has ended, taken from the queue."""
        await self.store.end((await self.open()).session)
        queued = await self.queue.take()
        assert queued is not None
        return queued

    async def queued(self) -> list[str]:
        found = []
        while queued := await self.queue.take():
            found.append(queued.refresh_token)
        return found

    async def logged(self) -> list[tuple[RevocationType, bytes]]:
        page = await self.store.log.read(0, None)
        return [(revocation.type, revocation.hashed_id) for revocation in page.revocations]


@pytest.fixture
def provider(store: Store) -> Provider:
    parts: dict[str, Any] = {
        "partitions": 1,
        "sealing": SealingKeys([SEALING]),
        "issuers": IssuerMarks({ISSUER: 0}),
        "log": SilentLog(),
    }
    return Provider(store, RedisSessionLeases(store.scripts, **parts), RedisProviderRevocations(store.scripts, **parts))


def tokens(number: str, *, session: str | None = PROVIDER_SESSION, seconds: float = 300) -> ProviderTokens:
    return ProviderTokens(f"access-{number}", int((time.time() + seconds) * 1000), f"jti-{number}", session, f"refresh-{number}")


def held(token: RefreshToken) -> Rotation:
    return replace(proposal(token), holder=os.urandom(16))


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
    assert (first.access_token, first.step) == ("access-2", rotation.step)
    assert isinstance(again, Rotated)
    assert (again.access_token, again.session.generation, again.step) == ("access-2", 1, rotation.step)


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


async def test_a_mark_between_lease_and_commit_counts(provider: Provider) -> None:
    token = await provider.open()
    rotation, leased = await provider.lease(token)
    await provider.store.end_subject()
    assert isinstance(await provider.leases.commit(rotation, leased, tokens("2")), NotRotated)


async def test_the_predecessor_is_superseded_while_its_successor_is_exchanged(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    replayed = await provider.store.sessions.rotate(held(token))
    assert isinstance(replayed, Rotated)
    assert (replayed.replayed, replayed.access_token) == (True, "access-2")
    await provider.lease(token.successor(pepper=token.pepper, step=rotated.step))
    assert isinstance(await provider.store.sessions.rotate(held(token)), NotRotated)


async def test_what_cannot_be_repeated_is_superseded(provider: Provider) -> None:
    token = await provider.open()
    await provider.exchange(token, "2")
    await provider.store.redis.delete(record_key(token.session).replace("s:", "a:"))
    outcome = await provider.store.sessions.rotate(held(token))
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal == "REFRESH_TOKEN_SUPERSEDED"


async def test_the_predecessor_stays_superseded_when_the_lease_is_given_back(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    rotation, _ = await provider.lease(token.successor(pepper=token.pepper, step=rotated.step))
    await provider.leases.release(rotation, LeaseEnd.RELEASE)
    assert isinstance(await provider.store.sessions.rotate(held(token)), NotRotated)


@pytest.mark.parametrize(("end", "in_doubt"), [(LeaseEnd.RELEASE, False), (LeaseEnd.DOUBT, True)])
async def test_a_lease_that_is_given_back_is_free_at_once(provider: Provider, end: LeaseEnd, *, in_doubt: bool) -> None:
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
    assert (await provider.leases.end_leased(other, leased, cause=Cause.UPSTREAM_REFUSED, brought=None)).count == 0
    assert await provider.store.sessions.get(token.session) is not None


async def test_an_end_lets_go_of_everything(provider: Provider) -> None:
    token = await provider.open()
    await provider.store.end(token.session)
    assert not await provider.store.redis.keys("*}[ar]:*")
    assert await provider.queued() == ["refresh-1"]
    assert (RevocationType.PROVIDER_SESSION, hashed_id("provider_session", ISSUER, PROVIDER_SESSION)) in await provider.logged()


async def test_without_a_provider_session_the_last_eight_access_tokens_are_logged(provider: Provider) -> None:
    token = await provider.open(session=None)
    for number in range(2, 12):
        rotated = await provider.exchange(token, str(number), session=None)
        token = token.successor(pepper=token.pepper, step=rotated.step)
    await provider.store.end(token.session)
    logged = [hashed for kind, hashed in await provider.logged() if kind is RevocationType.TOKEN]
    assert logged == [hashed_id("token", ISSUER, f"jti-{number}") for number in range(4, 12)]


async def test_a_token_of_another_provider_session_is_logged_by_itself(provider: Provider) -> None:
    token = await provider.open()
    await provider.exchange(token, "2", session="ses_other")
    await provider.store.end(token.session)
    kinds = [kind for kind, _ in await provider.logged()]
    assert kinds == [RevocationType.PROVIDER_SESSION, RevocationType.TOKEN, RevocationType.SESSION]


async def test_a_spared_session_spares_its_providers_tokens(provider: Provider) -> None:
    token = await provider.open()
    await provider.store.end_subject(spared=token.session)
    page = await provider.store.log.read(0, None)
    (mark,) = (revocation for revocation in page.revocations if revocation.type is RevocationType.SUBJECT)
    assert mark.except_provider_session == hashed_id("provider_session", ISSUER, PROVIDER_SESSION)


async def test_an_access_token_ends_the_sessions_of_its_provider_session_alone(provider: Provider) -> None:
    mine, other = await provider.open(), await provider.open(session="ses_2")
    ended = await provider.store.sessions.end_provider(
        ISSUER, "alice", provider_session=PROVIDER_SESSION, token_id="jti-9", cause=Cause.LOGOUT, entry_life_ms=ENTRY_LIFE_MS
    )
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
    assert await provider.store.redis.exists("{p0}torevoke:taken") == 0
    assert await provider.queued() == ["refresh-1"]
    await provider.queue.put_back(replace(queued, raw=bytes(8) + queued.raw[8:]))
    assert await provider.queued() == []
    await hold_runs_out(provider)
    assert await provider.queued() == ["refresh-1"]


async def test_what_a_server_took_and_died_with_is_taken_again(provider: Provider) -> None:
    queued = await provider.ended()
    assert await provider.queue.take() is None
    await hold_runs_out(provider)
    assert await provider.queue.take() == queued
    await provider.queue.settle(queued)
    assert await provider.store.redis.exists("{p0}torevoke", "{p0}torevoke:taken") == 0


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
    queue: Any = SimpleNamespace(take=take, settle=provider.queue.settle)
    providers: Any = SimpleNamespace(find=lambda _: SimpleNamespace(endpoint=SimpleNamespace(revoke=revoke)))
    work = asyncio.create_task(revoke_queued(queue, providers, interval_seconds=3600, log=SilentLog()))
    await is_empty.wait()
    work.cancel()
    assert asked == ["refresh-1"]
    assert await provider.store.redis.exists("{p0}torevoke", "{p0}torevoke:taken") == 0


async def test_what_waited_too_long_is_dropped_wherever_it_is(provider: Provider) -> None:
    queued = await provider.ended()
    await provider.queue.settle(queued)
    await provider.store.redis.zadd("{p0}torevoke:taken", {bytes(8) + queued.raw[8:]: 0})
    assert await provider.queue.take() is None
    assert await provider.store.redis.exists("{p0}torevoke:taken") == 0


async def hold_runs_out(provider: Provider) -> None:
    redis = provider.store.redis
    for member in await redis.zrange("{p0}torevoke:taken", 0, -1):
        await redis.zadd("{p0}torevoke:taken", {member: 1})


async def test_a_refresh_token_lives_as_long_as_its_session(provider: Provider) -> None:
    token = await provider.open()
    rotated = await provider.exchange(token, "2")
    assert isinstance(rotated, Rotated)
    record = record_key(token.session)
    redis = provider.store.redis
    assert await redis.pexpiretime(record) == await redis.pexpiretime(record.replace("s:", "r:"))
