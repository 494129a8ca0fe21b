"""Outages pause the window of a spent refresh token: whoever lost an answer to one can ask again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.formats import OUTAGE
from sessiond_server.adapters.store.limits import MAX_OUTAGES, OUTAGE_MS
from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_id
from sessiond_server.domain.failures import RefreshRefusal
from sessiond_server.service.storage.sessions import NotRotated, Rotated
from tests.support.store import LIFETIMES, RULES, connected, proposal

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from sessiond_server.domain.session import Lifetimes
    from tests.support.store import Store

GRACE = LIFETIMES.grace_ms
SECOND = 1000
MINUTE = 60 * SECOND
LONGEST = 5 * MINUTE
CONFIRMATION = (KEY_MEMBER, "a key")


async def spent(
    store: Store, *, before_ms: int, lifetimes: Lifetimes = LIFETIMES
) -> tuple[RefreshToken, RefreshToken]:
    """A token that was spent `before_ms` ago, and its successor, which nobody has presented."""
    token = await store.open(lifetimes=lifetimes)
    successor = await store.next(token)
    await store.age(token.session, before_ms)
    return token, successor


async def nobody_wrote_for(store: Store, milliseconds: int, *, until_ms: int = 0) -> None:
    """Every server has been away from the store, up to `until_ms` ago."""
    now = await store.scripts.now_ms(store.partition())
    await store.redis.set(store.key("seen"), now - milliseconds - until_ms)
    if until_ms:
        began, ended = now - milliseconds - until_ms, now - until_ms
        await store.redis.set(store.key("outages"), OUTAGE.pack(began, ended))
        await store.redis.set(store.key("seen"), now)


async def refusal(store: Store, token: RefreshToken, *, device: str = "phone") -> RefreshRefusal | None:
    outcome = await store.rotate(token, device=device)
    return outcome.refusal if isinstance(outcome, NotRotated) else None


@pytest.mark.row("replayed")
async def test_an_answer_that_was_lost_to_an_outage_is_given_again_behind_it(store: Store) -> None:
    token, successor = await spent(store, before_ms=MINUTE)
    await nobody_wrote_for(store, MINUTE - 5000)
    outcome = await store.rotate(token)
    assert isinstance(outcome, Rotated)
    assert outcome.replayed
    assert MINUTE - 5000 <= outcome.pause_ms < MINUTE
    assert isinstance(await store.rotate(successor), Rotated)


@pytest.mark.row("replayed")
async def test_an_outage_that_is_over_counts_as_long_as_it_was(store: Store) -> None:
    for until_ms, found in ((4000, None), (6000, RefreshRefusal.REUSED)):
        token, _ = await spent(store, before_ms=MINUTE + until_ms + 5000)
        await nobody_wrote_for(store, MINUTE, until_ms=until_ms)
        assert await refusal(store, token) is found


@pytest.mark.row("superseded")
async def test_behind_an_outage_a_late_duplicate_does_no_harm(store: Store) -> None:
    token, successor = await spent(store, before_ms=MINUTE)
    await nobody_wrote_for(store, MINUTE - 5000)
    outcome = await store.rotate(token, device="another phone")
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.SUPERSEDED
    assert outcome.pause_ms > 0
    assert isinstance(await store.rotate(successor), Rotated)


@pytest.mark.row("reused")
async def test_an_outage_that_began_behind_the_grace_excuses_nothing(store: Store) -> None:
    token, _ = await spent(store, before_ms=MINUTE)
    now = await store.scripts.now_ms(store.partition())
    # The first one prolongs the window to 40 s, and within that the second one begins.
    both = [(now - MINUTE, now - MINUTE + 30_000), (now - MINUTE + 35_000, now)]
    await store.redis.set(store.key("outages"), b"".join(OUTAGE.pack(*one) for one in both))
    await store.redis.set(store.key("seen"), now)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("reused")
async def test_an_outage_before_the_token_was_spent_excuses_nothing(store: Store) -> None:
    token, _ = await spent(store, before_ms=GRACE + 1000)
    await nobody_wrote_for(store, MINUTE, until_ms=GRACE + 1000)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("reused")
async def test_of_an_outage_that_had_begun_what_followed_the_rotation_counts(store: Store) -> None:
    for before_ms, found in ((GRACE + 4000, None), (GRACE + 7000, RefreshRefusal.REUSED)):
        token, _ = await spent(store, before_ms=before_ms)
        # It ended 5 seconds behind the rotation of each.
        await nobody_wrote_for(store, MINUTE, until_ms=before_ms - 5000)
        assert await refusal(store, token) is found


@pytest.mark.row("reused")
async def test_no_outage_prolongs_a_window_for_longer_than_is_set(store: Store) -> None:
    for longest_ms, found in ((LONGEST, None), (MINUTE, RefreshRefusal.REUSED), (0, RefreshRefusal.REUSED)):
        token, _ = await spent(store, before_ms=2 * MINUTE)
        server = connected(
            store.redis, partitions=len(store.partitions), rules=replace(RULES, longest_pause_ms=longest_ms)
        )
        await nobody_wrote_for(store, 2 * MINUTE)
        assert await refusal(server, token) is found


@pytest.mark.row("reused")
async def test_a_session_without_a_grace_gets_none_by_an_outage(store: Store) -> None:
    token, _ = await spent(store, before_ms=MINUTE, lifetimes=replace(LIFETIMES, grace_ms=0))
    await nobody_wrote_for(store, 2 * MINUTE, until_ms=-SECOND)
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("reused")
async def test_a_bound_session_has_the_window_that_was_said(store: Store) -> None:
    token, _ = await store.create(confirmation=CONFIRMATION)
    proven = replace(proposal(token), confirmation_id=confirmation_id(CONFIRMATION))
    assert isinstance(await store.sessions.rotate(proven), Rotated)
    await store.age(token.session, MINUTE)
    await nobody_wrote_for(store, MINUTE)
    outcome = await store.sessions.rotate(proven)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.REUSED


@pytest.mark.row("reused")
async def test_outages_that_overlap_count_once(store: Store) -> None:
    token, _ = await spent(store, before_ms=MINUTE)
    now = await store.scripts.now_ms(store.partition())
    spent_ms = now - MINUTE
    halves = [(spent_ms, spent_ms + 20_000), (spent_ms + 5000, spent_ms + 30_000)] * 3
    await store.redis.set(store.key("outages"), b"".join(OUTAGE.pack(*one) for one in halves))
    await store.redis.set(store.key("seen"), now)
    # 30 s of outages and 10 s of grace: the window has been closed for 20 s.
    assert await refusal(store, token) is RefreshRefusal.REUSED


@pytest.mark.row("replayed")
async def test_a_server_that_was_cut_off_alone_tells_the_store(store: Store) -> None:
    token, _ = await spent(store, before_ms=MINUTE)
    now = await store.scripts.now_ms(store.partition())
    await store.redis.set(store.key("seen"), now)
    other = connected(store.redis, partitions=len(store.partitions))
    store.scripts.outages.answered(store.partition(), now - MINUTE)
    store.scripts.outages.answered(store.partition(), now)
    outcome = await store.rotate(token)
    assert isinstance(outcome, Rotated)
    assert outcome.pause_ms >= MINUTE
    # What was given out once is given out again, by servers that had the store all the time.
    again = await other.rotate(token)
    assert isinstance(again, Rotated)
    assert again.rotation_salt == outcome.rotation_salt


@pytest.mark.row("replayed")
async def test_a_server_that_has_read_nothing_since_it_was_cut_off_tells_the_store(store: Store) -> None:
    token, _ = await spent(store, before_ms=MINUTE)
    now = await store.scripts.now_ms(store.partition())
    await store.redis.set(store.key("seen"), now)
    store.stop_at(now)
    store.scripts.outages.answered(store.partition(), now - MINUTE)
    assert await refusal(store, token) is None


@pytest.mark.row("replayed")
async def test_what_prolonged_one_window_does_not_prolong_the_next(store: Store) -> None:
    token, successor = await spent(store, before_ms=MINUTE)
    await nobody_wrote_for(store, MINUTE)
    assert await refusal(store, token) is None
    await store.next(successor)
    await store.redis.set(store.key("seen"), await store.scripts.now_ms(store.partition()))
    await store.age(token.session, GRACE)
    assert await refusal(store, successor) is RefreshRefusal.REUSED


async def test_servers_that_write_again_note_for_how_long_none_did(store: Store) -> None:
    await nobody_wrote_for(store, MINUTE)
    began = int(await store.redis.get(store.key("seen")))
    for _ in range(2):
        await store.stores.writes.probe()
    (found,) = OUTAGE.iter_unpack(await store.redis.get(store.key("outages")))
    assert found[0] == began
    assert MINUTE <= found[1] - began < MINUTE + 5000


async def test_what_is_shorter_than_the_pauses_between_writes_is_no_outage(store: Store) -> None:
    await nobody_wrote_for(store, OUTAGE_MS // 2)
    await store.stores.writes.probe()
    assert await store.redis.get(store.key("outages")) is None


async def test_a_store_that_is_gone_again_and_again_keeps_its_latest_outages(store: Store) -> None:
    for _ in range(MAX_OUTAGES + 1):
        await nobody_wrote_for(store, MINUTE)
        await store.stores.writes.probe()
    kept = await store.redis.get(store.key("outages"))
    assert len(kept) == MAX_OUTAGES * OUTAGE.size
    assert await store.redis.pttl(store.key("outages")) > LONGEST
