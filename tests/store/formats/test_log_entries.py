"""The bytes that are kept: entries of the log, cutoffs, and tokens that wait to be revoked at a provider."""

from __future__ import annotations

import time

from sessiond_server.adapters.store.formats import CUTOFF, QUEUED, TOKEN_ID
from sessiond_server.adapters.store.record import HEADER_BYTES
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import FOREVER_MS, NO_ID, Revocation, RevocationType
from sessiond_server.service.storage.sessions import ProviderTokens
from tests.support.store import ENTRY_LIFE_MS, ISSUER, LIFETIMES, Store


def test_an_entry_is_the_documented_one() -> None:
    entry = Revocation(RevocationType.SUBJECT, b"h" * 16, 1, 2, b"s" * 16, b"p" * 16, 3)
    numbers = [f"{number:016x}" for number in (1, 2, 3)]
    ids = [letter.encode().hex() * 16 for letter in "hsp"]
    assert entry.pack().hex() == f"04{ids[0]}{numbers[0]}{numbers[1]}{ids[1]}{ids[2]}{numbers[2]}"
    assert Revocation.unpack(entry.pack()) == entry


async def test_scripts_write_the_entries_that_servers_would(store: Store) -> None:
    token = await store.open()
    spared = await store.open()
    await store.end(token.session)
    ended = await store.end_subject(spared=spared.session)
    written = [fields[b"e"] for _, fields in await store.redis.xrange(store.key("log"))]
    session, subject = (Revocation.unpack(entry) for entry in written)
    expected = Revocation(RevocationType.SESSION, token.session.hashed, FOREVER_MS, session.expire_ms)
    assert written[0] == expected.pack()
    assert subject == ended.logged.revocations[0]
    assert subject.hashed_id == hashed_id("subject", ISSUER, "alice")
    assert subject.except_session == spared.session.hashed


async def test_a_cutoff_is_kept_by_the_hashed_subject(store: Store) -> None:
    before = int(time.time() * 1000)
    spared = await store.open()
    (entry, *_) = (await store.end_subject(spared=spared.session)).logged.revocations
    subject = hashed_id("subject", ISSUER, "alice")
    cutoff_ms, exception, floor_ms, expire_ms = CUTOFF.unpack(
        await store.redis.hget(store.key("cutoffs"), subject)
    )
    assert (cutoff_ms, exception, floor_ms) == (entry.not_before_ms, spared.session.hashed, 0)
    assert expire_ms == cutoff_ms + LIFETIMES.absolute_ms
    assert await store.redis.zscore(store.key("cutoffs:x"), subject) == expire_ms
    assert before - 1000 <= cutoff_ms == entry.expire_ms - ENTRY_LIFE_MS
    assert entry.except_provider_session == NO_ID


async def test_a_provider_session_keeps_token_ids_and_its_queue_entry_names_issuer_and_client(
    store: Store,
) -> None:
    expire_ms = int(time.time() * 1000) + 300_000
    tokens = ProviderTokens("access", expire_ms, "jti-1", "ses_1", "refresh")
    token, _ = await store.create(tokens=tokens, provider_session="ses_1")
    record = await store.record(token.session)
    assert TOKEN_ID.unpack_from(record, HEADER_BYTES) == (hashed_id("token", ISSUER, "jti-1"), expire_ms)
    sealed = await store.redis.get(store.provider_key("r", token.session))
    await store.end(token.session)
    (queued,) = await store.redis.lrange(store.key("torevoke"), 0, -1)
    _, session, issuer, client = QUEUED.unpack_from(queued)
    assert (session, issuer) == (token.session.raw, hashed_id("issuer", ISSUER, ""))
    assert client == hashed_id("client", ISSUER, "app")
    assert queued[QUEUED.size :] == sealed
