"""What a store has lost and a server still knows comes back: logged, and as scripts go by it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.formats import CUTOFF
from sessiond_server.adapters.store.hashed_ids import hashed
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.record import State
from sessiond_server.domain.failures import RefreshRefusal, StoreUnavailableError
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, Revocation, RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.service.revocation.reassertion import REASSERTED_A_CALL
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.sessions import NotRotated, ProviderTokens, Rotated
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, Store
from tests.support.survivors import OldCopy, Survivor, logs, revoke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.service.storage.revocations import Logged

SUBJECTS = [f"user-{number}" for number in range(9)]
SUBJECT = hashed(RevocationType.SUBJECT, ISSUER, "alice")
LOSSES = ["emptied", "older"]


@pytest.fixture
async def survivor(store: Store) -> Survivor:
    found = Survivor(store)
    await found.read()
    return found


async def refusal(store: Store, token: RefreshToken) -> RefreshRefusal | None:
    outcome = await store.rotate(token)
    return outcome.refusal if isinstance(outcome, NotRotated) else None


async def newcomer(store: Store) -> Survivor:
    """A server that knows nothing but what the store has."""
    found = Survivor(store)
    await found.read()
    return found


@pytest.mark.parametrize("loss", LOSSES)
async def test_an_end_that_was_lost_is_known_again_and_nothing_is_refreshed(
    store: Store, survivor: Survivor, loss: str
) -> None:
    tokens = [await store.open(subject) for subject in SUBJECTS]
    copy = await OldCopy.of(store)
    for token in tokens:
        await store.end(token.session)
    await survivor.read()
    await (store.redis.flushall() if loss == "emptied" else copy.come_back())
    await survivor.restore()
    for token, subject in zip(tokens, SUBJECTS, strict=True):
        assert await refusal(store, token) is RefreshRefusal.REVOKED
        assert (await newcomer(store)).revokes(token.session.hashed, subject=subject)
        assert await store.redis.zcard(store.index_key(subject)) == 0
    assert survivor.reasserted == len(await logs(store)) == len(SUBJECTS)
    assert survivor.telemetry.of("store_regressed") != []


async def test_a_tombstone_lasts_as_long_as_what_it_is_for(store: Store, survivor: Survivor) -> None:
    token = await store.open()
    ended = (await store.end(token.session)).logged.revocations[0]
    await survivor.read()
    await store.redis.flushall()
    await survivor.restore()
    assert await store.redis.pexpiretime(store.record_key(token.session)) == ended.expire_ms
    assert (await store.header(token.session)).state == State.ENDED


async def test_the_tokens_of_a_providers_session_end_with_it(store: Store, survivor: Survivor) -> None:
    tokens = ProviderTokens("access", FOREVER_MS - 1, "jti-1", "sid-1", "refresh")
    token, _ = await store.create(tokens=tokens, provider_session="sid-1")
    copy = await OldCopy.of(store)
    await store.end(token.session)
    await survivor.read()
    await copy.come_back()
    await survivor.restore()
    assert not await store.redis.exists(store.provider_key("r", token.session))
    assert await store.redis.llen(store.key("torevoke")) == 1
    known = await newcomer(store)
    assert known.revokes(hashed(RevocationType.PROVIDER_SESSION, ISSUER, "sid-1"))


async def test_what_has_a_tombstone_keeps_it_and_is_logged_again(store: Store, survivor: Survivor) -> None:
    """Somebody has deleted the log and left the sessions."""
    token = await store.open()
    await store.end(token.session, Cause.COMPROMISE)
    await survivor.read()
    await store.redis.delete(store.key("log"), store.key("head"))
    await survivor.restore()
    assert (await store.header(token.session)).cause == Cause.COMPROMISE
    assert (await newcomer(store)).revokes(token.session.hashed)


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_subjects_cutoff_comes_back(store: Store, survivor: Survivor, loss: str) -> None:
    before = await store.open()
    copy = await OldCopy.of(store)
    await store.end_subject()
    await survivor.read()
    await (store.redis.flushall() if loss == "emptied" else copy.come_back())
    await survivor.restore()
    assert await refusal(store, before) is RefreshRefusal.REVOKED
    assert (await newcomer(store)).revokes(SUBJECT)
    after = await store.open()
    assert await refusal(store, after) is None
    assert await cutoff_of(store, SUBJECT) is not None


async def cutoff_of(store: Store, of: bytes, partition: int | None = None) -> tuple[int, bytes, int, int]:
    key = store.key("cutoffs") if partition is None else key_in(partition, "cutoffs")
    return struct.unpack(CUTOFF.format, await store.redis.hget(key, of))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "shared",
    [
        pytest.param(Shared(RevocationType.TENANT, ISSUER, "acme"), id="tenant"),
        pytest.param(Shared(RevocationType.CLIENT, ISSUER, "app"), id="client"),
        pytest.param(Shared(RevocationType.PROVIDER_SESSION, ISSUER, "ses_1"), id="provider-session"),
        pytest.param(Shared(RevocationType.ISSUER, ISSUER), id="issuer"),
    ],
)
async def test_the_end_of_what_many_share_comes_back_in_every_partition(
    store: Store, survivor: Survivor, shared: Shared, loss: str
) -> None:
    login = {"tenant_id": "acme", "provider_session": "ses_1"}
    before = [(await store.create(subject, **login))[0] for subject in SUBJECTS]
    copy = await OldCopy.of(store)
    await cut(store, shared)
    await survivor.read()
    await (store.redis.flushall() if loss == "emptied" else copy.come_back())
    await survivor.restore()
    known, of = await newcomer(store), hashed(shared.type, shared.issuer, shared.identifier)
    for token, subject in zip(before, SUBJECTS, strict=True):
        assert known.revokes(of, subject=subject)
        if loss == "older":
            assert await refusal(store, token) is RefreshRefusal.REVOKED
    after = [(await store.create(subject, **login))[0] for subject in SUBJECTS]
    assert [await refusal(store, token) for token in after] == [None] * len(after)


async def cut(store: Store, shared: Shared) -> Sequence[Logged]:
    return await store.stores.cutoffs.set(
        shared, cutoff_life_ms=LIFETIMES.absolute_ms, entry_life_ms=ENTRY_LIFE_MS
    )


async def test_a_key_comes_back_for_good(store: Store, survivor: Survivor) -> None:
    await cut(store, Shared(RevocationType.KEY, ISSUER, "key-1"))
    await survivor.read()
    await store.redis.flushall()
    await survivor.restore()
    of = hashed(RevocationType.KEY, ISSUER, "key-1")
    for partition in store.partitions:
        cutoff_ms, _, _, forget_ms = await cutoff_of(store, of, partition)
        assert (cutoff_ms, forget_ms) == (FOREVER_MS, FOREVER_MS)
    assert {(one.not_before_ms, one.expire_ms) for one in await logs(store)} == {(FOREVER_MS, FOREVER_MS)}


# Two histories that each have a cutoff of the same subject.

ONE, OTHER = b"s" * 16, b"o" * 16


def subject_entry(cutoff_ms: int, spared: bytes = NO_ID, floor_ms: int = 0) -> Revocation:
    return Revocation(
        RevocationType.SUBJECT, SUBJECT, cutoff_ms, FOREVER_MS - 1, except_session=spared, floor_ms=floor_ms
    )


@pytest.mark.parametrize(
    ("here", "lost", "remains"),
    [
        pytest.param(subject_entry(1000), subject_entry(2000), (2000, NO_ID, 0), id="lost-later"),
        pytest.param(subject_entry(2000), subject_entry(1000), (2000, NO_ID, 0), id="lost-earlier"),
        pytest.param(subject_entry(1000), subject_entry(2000, ONE), (2000, ONE, 1000), id="spares-anew"),
        pytest.param(subject_entry(2000, ONE), subject_entry(1000), (2000, ONE, 1000), id="spared-here"),
        pytest.param(
            subject_entry(2000, ONE, 700),
            subject_entry(1000, ONE, 800),
            (2000, ONE, 800),
            id="spare-the-same",
        ),
        pytest.param(
            subject_entry(1000, ONE, 800),
            subject_entry(2000, ONE, 700),
            (2000, ONE, 800),
            id="the-same-later",
        ),
        pytest.param(
            subject_entry(2000, ONE, 700), subject_entry(1000, OTHER, 800), (2000, ONE, 1000), id="two-spared"
        ),
    ],
)
async def test_of_two_cutoffs_the_later_remains_and_spares_nobody_whom_the_other_hit(
    store: Store, here: Revocation, lost: Revocation, remains: tuple[int, bytes, int]
) -> None:
    for one in (here, lost):
        after = (await store.log.read(store.partition(), None)).position
        assert await reassert(store, [one], after)
    assert (await cutoff_of(store, SUBJECT))[:3] == remains
    # Whoever reads both knows the same.
    known = await newcomer(store)
    cutoff_ms, spared, floor_ms = remains
    assert known.revokes(SUBJECT, started_ms=cutoff_ms)
    if spared != NO_ID:
        assert known.revokes(SUBJECT, started_ms=floor_ms, session=spared)
        assert not known.revokes(SUBJECT, started_ms=floor_ms + 1, session=spared)


async def reassert(store: Store, entries: Sequence[Revocation], after: object) -> Logged | None:
    return await store.log.reassert(
        store.partition(),
        entries,
        after=after,
        cutoff_life_ms=LIFETIMES.absolute_ms,
        entry_life_ms=ENTRY_LIFE_MS,
    )


async def test_a_token_is_logged_and_nothing_else(store: Store) -> None:
    after = (await store.log.read(store.partition(), None)).position
    keys = set(await store.redis.keys())
    token = Revocation(RevocationType.TOKEN, b"t" * 16, FOREVER_MS, FOREVER_MS - 1)
    assert (await reassert(store, [token], after)).revocations == (token,)
    assert set(await store.redis.keys()) - keys == {store.key("log").encode()}


async def test_what_has_expired_stays_lost(store: Store) -> None:
    after = (await store.log.read(store.partition(), None)).position
    expired = Revocation(
        RevocationType.SESSION, b"t" * 16, FOREVER_MS, await store.scripts.now_ms(store.partition())
    )
    assert (await reassert(store, [expired], after)).revocations == ()
    assert await logs(store) == []


async def test_nothing_is_written_where_the_log_has_gone_on(store: Store) -> None:
    token, other = await store.open(), await store.open()
    after = (await store.log.read(store.partition(), None)).position
    entry = (await store.end(token.session)).logged.revocations[0]
    assert await reassert(store, [entry], after) is None
    end = (await store.log.read(store.partition(), None)).position
    for name, value in (("tag", "another"), ("incarnation", b"i" * 16)):
        known = await store.redis.hget(store.key("head"), name)
        await store.redis.hset(store.key("head"), name, value)
        assert await reassert(store, [entry], end) is None
        await store.redis.hset(store.key("head"), name, known)
    assert len(await logs(store)) == 1
    assert isinstance(await store.rotate(other), Rotated)


async def test_only_what_the_log_does_not_have_is_written(store: Store, survivor: Survivor) -> None:
    kept, lost, new = [[await store.open() for _ in range(3)] for _ in range(3)]
    for token in kept:
        await store.end(token.session)
    copy = await OldCopy.of(store)
    for token in lost:
        await store.end(token.session)
    await survivor.read()
    await copy.come_back()
    for token in new:
        await store.end(token.session)
    await survivor.restore()
    assert [one.hashed_id for one in await logs(store)][:6] == [
        token.session.hashed for token in (*kept, *new)
    ]
    assert {one.hashed_id for one in (await logs(store))[6:]} == {token.session.hashed for token in lost}
    assert survivor.reasserted == len(lost)
    assert [why for (why,) in survivor.telemetry.of("log_resynced")] == ["DIVERGED"]


async def test_of_many_survivors_each_revocation_is_written_by_one(store: Store) -> None:
    lost = await revoke(store, 2 * REASSERTED_A_CALL + 1)
    survivors = [await newcomer(store) for _ in range(3)]
    await store.redis.flushall()
    await asyncio.gather(*(one.restore() for one in survivors))
    found = [one.hashed_id for one in await logs(store)]
    assert len(found) == len(lost)
    assert set(found) == {one.hashed_id for one in lost}
    assert sum(one.reasserted for one in survivors) == len(lost)
    for one in survivors:
        await one.restore()
        assert not any(one.view.view.is_in_doubt(partition) for partition in store.partitions)
    assert len(await logs(store)) == len(lost)


async def test_what_a_server_has_revoked_itself_is_missed_although_the_log_goes_on(
    store: Store, survivor: Survivor
) -> None:
    """The store failed over before anybody had read the entry: its log goes on where readers are."""
    token = await store.open()
    await survivor.read()
    copy = await OldCopy.of(store)
    await survivor.ended((await store.end(token.session)).logged)
    await copy.come_back()
    assert await refusal(store, token) is None
    await survivor.restore()
    assert await refusal(store, token) is RefreshRefusal.REVOKED
    assert (await newcomer(store)).revokes(token.session.hashed)
    assert survivor.logger.said("the store has lost what was revoked here") == [
        {"partition": store.partition(), "count": 1}
    ]


async def test_what_a_server_has_revoked_itself_and_read_is_not_missed(
    store: Store, survivor: Survivor
) -> None:
    token = await store.open()
    await survivor.ended((await store.end(token.session)).logged)
    for _ in range(2):
        await survivor.restore()
    assert survivor.telemetry.of("store_regressed") == []
    assert survivor.reasserted == 0


async def test_a_reader_that_was_away_for_long_misses_nothing(store: Store, survivor: Survivor) -> None:
    """What was trimmed meanwhile has expired."""
    token = await store.open()
    await store.end(token.session)
    store.stop_at(await store.scripts.now_ms(store.partition()) + 2 * ENTRY_LIFE_MS)
    await store.log.trim(store.partition())
    await survivor.read()
    assert [why for (why,) in survivor.telemetry.of("log_resynced")] == ["TRIMMED"]
    assert survivor.telemetry.of("store_regressed") == []
    assert not survivor.view.view.is_in_doubt(store.partition())


async def test_what_has_expired_is_in_doubt_only_once(store: Store, survivor: Survivor) -> None:
    token = await store.open()
    await store.end(token.session)
    await survivor.read()
    await store.redis.flushall()
    store.stop_at(await store.scripts.now_ms(store.partition()) + 2 * ENTRY_LIFE_MS)
    await survivor.read()
    steps = [await survivor.reassertion._restore_some(store.partition()) for _ in range(2)]
    assert steps == [0, None]


async def test_what_could_not_be_written_is_written_later(store: Store, survivor: Survivor) -> None:
    token = await store.open()
    await store.end(token.session)
    await survivor.read()
    await store.redis.flushall()
    await survivor.read()
    reassert_ = survivor.reassertion._log_store.reassert

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError

    survivor.reassertion._log_store.reassert = down
    await survivor.restore()
    assert await logs(store) == []
    survivor.reassertion._log_store.reassert = reassert_
    await survivor.restore()
    assert [one.hashed_id for one in await logs(store)] == [token.session.hashed]
