"""A provider's keys: always there, never flooding the provider, and gone when the provider says so."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.app.issuers import key_set_reader
from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet
from sessiond_server.service.validation import key_refresh
from sessiond_server.service.validation.fetch_restraint import COOLDOWN_SECONDS
from sessiond_server.service.validation.key_refresh import ORDER_COOLDOWN_SECONDS, KeyRefresh
from sessiond_server.service.validation.key_source import Unfetched
from sessiond_server.service.validation.remote_keys import RemoteKeySet
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry, SilentLogger
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_STALE = timedelta(hours=1)
POLICY = IssuerPolicy("https://id.example", frozenset({"api"}), frozenset({"ES256"}))


def new_key() -> SigningKey:
    return SigningKey(generate_private_key(SECP256R1()))


A, B = new_key(), new_key()


class Shelf(SharedKeySet):
    """The key set that servers share, and their last order to fetch anew; None where it is out of reach."""

    def __init__(self) -> None:
        self.held: SharedDocument | None = None
        self.ordered_at: float | None = 0.0

    async def load(self) -> SharedDocument | None:
        is_of_now = self.held and (not self.ordered_at or self.held.ordered_at == self.ordered_at)
        return self.held if is_of_now else None

    async def last_order(self) -> float | None:
        return self.ordered_at

    async def order(self) -> float:
        self.ordered_at = (self.ordered_at or 0.0) + 1
        return self.ordered_at

    async def save(self, shared: SharedDocument) -> None:
        self.held = shared


class Issuer:
    """What the provider would say, and how often it was asked."""

    def __init__(self, *keys: SigningKey, shared: Shelf | None = None) -> None:
        self.shared = shared or Shelf()
        self.clock = FakeClock(1000.0)
        self.answer: Document | Unfetched = Unfetched("unreachable")
        self.asked: list[str | None] = []
        self.asked_anew = 0
        self.gate: asyncio.Event | None = None
        self.telemetry, self.logger = RecordingTelemetry(), RecordingLogger()
        self.publish(*keys)
        self.set = RemoteKeySet(
            "https://id.example",
            self.fetch,
            read=key_set_reader(POLICY, logger=SilentLogger()),
            max_stale=MAX_STALE,
            clock=self.clock,
            logger=self.logger,
            telemetry=self.telemetry,
            shared=self.shared,
        )
        self.refresh = KeyRefresh(self.set, self.shared, clock=self.clock, jitter=lambda: 0.0)

    def publish(self, *keys: SigningKey, **members: Any) -> None:
        body = json.dumps({"keys": [{**key.jwk, **members} for key in keys]}).encode()
        self.answer = Document(body, 600, '"v1"')

    async def fetch(self, entity_tag: str | None, *, anew: bool) -> Document | Unfetched:
        self.asked.append(entity_tag)
        self.asked_anew += anew
        answer = self.answer
        if self.gate:
            await self.gate.wait()
        return answer

    async def fetch_now(self) -> None:
        """One round of the background refresh."""
        await self.set.refresh()


@pytest.fixture
async def issuer() -> Issuer:
    issuer = Issuer(A)
    await issuer.fetch_now()
    return issuer


async def test_keys_answer_from_memory(issuer: Issuer) -> None:
    assert issuer.set.find(A.key_id) is not None
    assert issuer.set.is_ready
    assert issuer.asked == [None]


async def test_before_the_first_fetch_nobody_can_say() -> None:
    issuer = Issuer()
    issuer.answer = Unfetched("unreachable")
    with pytest.raises(KeysUnavailableError):
        await issuer.set.seek(A.key_id)
    assert not issuer.set.is_ready


async def test_the_background_refresh_comes_before_the_end(issuer: Issuer) -> None:
    assert issuer.refresh.pause() == pytest.approx(480)


async def test_keys_that_live_longer_than_they_may_serve_are_refreshed_in_time(issuer: Issuer) -> None:
    issuer.answer = Document(json.dumps({"keys": [{**A.jwk}]}).encode(), 86_400, None)
    await issuer.fetch_now()
    assert issuer.refresh.pause() == pytest.approx(0.8 * MAX_STALE.total_seconds())


async def test_failures_are_tried_again_ever_more_slowly(issuer: Issuer) -> None:
    issuer.answer = Unfetched("status")
    pauses = []
    for _ in range(8):
        await issuer.fetch_now()
        pauses.append(issuer.refresh.pause())
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_an_unknown_key_is_asked_for_once_by_all(issuer: Issuer) -> None:
    issuer.publish(A, B)
    issuer.gate = asyncio.Event()
    seeking = [asyncio.create_task(issuer.set.seek(B.key_id)) for _ in range(50)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert len({id(key) for key in await asyncio.gather(*seeking)}) == 1
    assert len(issuer.asked) == 2


async def test_one_who_leaves_does_not_take_the_keys_from_the_others(issuer: Issuer) -> None:
    issuer.publish(A, B)
    issuer.gate = asyncio.Event()
    leaving, staying = (asyncio.create_task(issuer.set.seek(B.key_id)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    issuer.gate.set()
    assert await staying is not None


async def seek_made_up(issuer: Issuer, count: int, *, named: str = "made-up") -> list[bool]:
    """Whether the issuer is known not to have each of so many made-up ids."""
    found = []
    for number in range(count):
        try:
            found.append(await issuer.set.seek(f"{named}-{number}") is None)
        except KeysUnavailableError:
            found.append(False)
    return found


async def test_made_up_ids_cause_three_fetches_and_one_a_cooldown(issuer: Issuer) -> None:
    assert await seek_made_up(issuer, 10_000) == [True] * 3 + [False] * 9997
    assert len(issuer.asked) == 1 + 3
    issuer.clock.at += COOLDOWN_SECONDS
    assert await seek_made_up(issuer, 100, named="again") == [True] + [False] * 99
    assert len(issuer.asked) == 1 + 3 + 1
    assert (issuer.set.unknown_ids, issuer.set.unasked_ids) == (4, 9997 + 99)


async def test_an_id_that_was_not_asked_for_is_not_unknown(issuer: Issuer) -> None:
    await seek_made_up(issuer, 4)
    issuer.publish(A, B)
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            await issuer.set.seek(B.key_id)
    issuer.clock.at += COOLDOWN_SECONDS
    assert await issuer.set.seek(B.key_id) is not None


async def test_strangers_do_not_spend_what_the_issuer_needs(issuer: Issuer) -> None:
    await seek_made_up(issuer, 100)
    issuer.publish(A, B)
    assert await issuer.set.seek(B.key_id, from_issuer=True) is not None


async def test_an_id_that_strangers_asked_for_is_asked_for_again_where_the_issuer_uses_it(
    issuer: Issuer,
) -> None:
    assert await issuer.set.seek(B.key_id) is None
    issuer.publish(A, B)
    assert await issuer.set.seek(B.key_id, from_issuer=True) is not None


async def test_an_issuer_whose_key_set_lags_is_asked_three_times_and_then_every_five_seconds(
    issuer: Issuer,
) -> None:
    for _ in range(3):
        assert await issuer.set.seek(B.key_id, from_issuer=True) is None
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            await issuer.set.seek(B.key_id, from_issuer=True)
    assert len(issuer.asked) == 1 + 3
    issuer.publish(A, B)
    issuer.clock.at += 5
    assert await issuer.set.seek(B.key_id, from_issuer=True) is not None


async def test_a_fetch_that_began_before_the_token_came_says_nothing_of_its_key(issuer: Issuer) -> None:
    issuer.gate = asyncio.Event()
    early = asyncio.create_task(issuer.fetch_now())
    await eventually(lambda: len(issuer.asked) == 2)
    issuer.publish(A, B)
    seeking = asyncio.create_task(issuer.set.seek(B.key_id))
    await asyncio.sleep(0)
    issuer.gate.set()
    await early
    assert await seeking is not None
    assert len(issuer.asked) == 3


async def test_a_fetch_that_began_before_the_token_came_proves_no_key_unknown(issuer: Issuer) -> None:
    await seek_made_up(issuer, 3)
    issuer.gate = asyncio.Event()
    early = asyncio.create_task(issuer.fetch_now())
    await eventually(lambda: len(issuer.asked) == 5)
    seeking = asyncio.create_task(issuer.set.seek(B.key_id))
    await asyncio.sleep(0)
    issuer.gate.set()
    await early
    with pytest.raises(KeysUnavailableError):
        await seeking


async def test_a_fetch_in_the_background_answers_what_was_asked_before_it(issuer: Issuer) -> None:
    await seek_made_up(issuer, 3)
    with pytest.raises(KeysUnavailableError):
        await issuer.set.seek("wanted")
    await issuer.fetch_now()
    assert await issuer.set.seek("wanted") is None
    assert len(issuer.asked) == 1 + 3 + 1


async def test_more_unknown_ids_than_are_remembered_are_asked_for_anew_within_the_budget(
    issuer: Issuer,
) -> None:
    assert await issuer.set.seek("first") is None
    issuer.gate = asyncio.Event()
    seeking = [asyncio.create_task(issuer.set.seek(f"made-up-{number}")) for number in range(129)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert set(await asyncio.gather(*seeking)) == {None}
    assert len(issuer.asked) == 3
    assert await issuer.set.seek("first") is None
    assert len(issuer.asked) == 4


async def test_a_key_that_the_issuer_has_removed_is_unknown_without_a_fetch(issuer: Issuer) -> None:
    issuer.publish(B)
    await issuer.fetch_now()
    assert await issuer.set.seek(A.key_id) is None
    assert len(issuer.asked) == 2


async def test_one_made_up_id_does_not_blind_a_rotation(issuer: Issuer) -> None:
    assert await issuer.set.seek("made-up") is None
    issuer.publish(A, B)
    assert await issuer.set.seek(B.key_id) is not None


async def test_failed_attempts_cost_tokens_too(issuer: Issuer) -> None:
    issuer.answer = Unfetched("unreachable")
    for number in range(20):
        with pytest.raises(KeysUnavailableError):
            await issuer.set.seek(f"made-up-{number}")
    assert len(issuer.asked) == 1 + 3


async def test_an_id_that_was_just_asked_for_costs_nothing(issuer: Issuer) -> None:
    for _ in range(100):
        assert await issuer.set.seek("made-up") is None
    assert len(issuer.asked) == 2
    issuer.clock.at += COOLDOWN_SECONDS
    await issuer.set.seek("made-up")
    assert len(issuer.asked) == 3


async def test_known_keys_outlive_failures_but_not_for_ever(issuer: Issuer) -> None:
    issuer.answer = Unfetched("status")
    issuer.clock.at += MAX_STALE.total_seconds() - 1
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is not None
    issuer.clock.at += 1
    assert issuer.set.find(A.key_id) is None
    assert not issuer.set.is_ready
    with pytest.raises(KeysUnavailableError):
        await issuer.set.seek(A.key_id)
    issuer.publish(A)
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is not None


async def test_a_key_that_stays_is_the_same_object_and_one_that_goes_is_gone(issuer: Issuer) -> None:
    known, version = issuer.set.find(A.key_id), issuer.set.version
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is known
    assert issuer.set.version == version
    issuer.publish(B)
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is None
    assert issuer.set.version == version + 1


async def test_another_key_under_the_same_id_is_another_key(issuer: Issuer) -> None:
    known = issuer.set.find(A.key_id)
    issuer.publish(B, kid=A.key_id)
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is not known


async def test_a_confirmed_set_is_fresh(issuer: Issuer) -> None:
    issuer.clock.at += MAX_STALE.total_seconds() - 1
    issuer.answer = Document(None, 600, '"v1"')
    await issuer.fetch_now()
    assert issuer.asked == [None, '"v1"']
    assert issuer.set.age_seconds == 0
    assert issuer.set.find(A.key_id) is not None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"keys": 7}', b'{"keys": []}', b'{"keys": [{"kty": "oct"}]}', b"\xff"]
)
async def test_a_document_without_a_usable_key_changes_nothing(issuer: Issuer, body: bytes) -> None:
    issuer.answer = Document(body, 600, None)
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is not None
    assert issuer.set.last_outcome in {"malformed", "empty"}


async def started(issuer: Issuer) -> None:
    """The first moments of the background refresh, up to its first pause."""
    task = asyncio.create_task(issuer.refresh.run())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_second_server_starts_from_what_the_first_fetched(issuer: Issuer) -> None:
    second = Issuer(shared=issuer.shared)
    second.clock.at += 59
    second.answer = Unfetched("unreachable")
    await started(second)
    assert second.set.find(A.key_id) is not None
    assert second.set.was_tried
    assert second.asked == []
    assert second.set.age_seconds == 59


async def test_what_was_fetched_a_minute_ago_is_used_at_once_and_asked_for(issuer: Issuer) -> None:
    second = Issuer(B, shared=issuer.shared)
    second.clock.at += 60
    second.gate = asyncio.Event()
    task = asyncio.create_task(second.refresh.run())
    await eventually(lambda: second.asked)
    assert second.set.find(A.key_id) is not None
    assert second.set.was_tried
    second.gate.set()
    await eventually(lambda: second.set.find(B.key_id))
    assert second.set.find(A.key_id) is None
    task.cancel()


async def test_of_servers_that_start_together_the_later_use_what_the_first_has_asked_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_refresh, "ORDERS_EVERY_SECONDS", 0.01)
    second = Issuer(shared=issuer.shared)
    second.refresh = KeyRefresh(second.set, second.shared, clock=second.clock, jitter=lambda: 1.0)
    second.clock.at += 60
    task = asyncio.create_task(second.refresh.run())
    await eventually(lambda: second.set.find(A.key_id))
    issuer.clock.at += 61
    issuer.publish(B)
    await issuer.fetch_now()
    second.clock.at += 3
    await eventually(lambda: second.set.find(B.key_id))
    assert second.asked == []
    task.cancel()


async def test_what_was_fetched_too_long_ago_is_not_used(issuer: Issuer) -> None:
    second = Issuer(shared=issuer.shared)
    second.clock.at += MAX_STALE.total_seconds()
    second.answer = Unfetched("unreachable")
    await started(second)
    assert second.asked == [None]
    assert not second.set.is_ready


async def test_what_others_fetched_helps_behind_a_failure_and_is_never_a_step_back(issuer: Issuer) -> None:
    newer = Issuer(B, shared=issuer.shared)
    newer.clock.at += 50
    await newer.fetch_now()
    issuer.answer = Unfetched("status")
    issuer.clock.at += 100
    await issuer.fetch_now()
    assert issuer.set.find(B.key_id) is not None
    assert issuer.set.age_seconds == 50
    older = issuer.shared.held
    assert older is not None
    issuer.publish(A)
    await issuer.fetch_now()
    issuer.shared.held = older
    issuer.answer = Unfetched("status")
    await issuer.fetch_now()
    assert issuer.set.find(A.key_id) is not None
    assert issuer.set.find(B.key_id) is None


async def test_who_does_not_wait_leaves_the_fetch_going(issuer: Issuer) -> None:
    issuer.publish(A, B)
    issuer.gate = asyncio.Event()
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            await issuer.set.seek(B.key_id, waits=False)
    issuer.gate.set()
    await eventually(lambda: issuer.set.find(B.key_id))
    assert len(issuer.asked) == 2


async def test_who_does_not_wait_is_told_what_is_known(issuer: Issuer) -> None:
    assert await issuer.set.seek("made-up") is None
    assert await issuer.set.seek("made-up", waits=False) is None


@pytest.fixture
async def running(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Issuer]:
    """An issuer whose keys are kept fresh, and whose time goes on only where a test moves it."""
    monkeypatch.setattr(key_refresh, "ORDERS_EVERY_SECONDS", 0.01)
    task = asyncio.create_task(issuer.refresh.run())
    await eventually(lambda: len(issuer.asked) == 2)
    yield issuer
    task.cancel()


async def test_an_order_has_the_keys_fetched_past_all_that_is_remembered(running: Issuer) -> None:
    running.publish(B)
    ordered_at = await running.shared.order()
    await eventually(lambda: running.set.carried_out == ordered_at)
    assert running.asked == [None, '"v1"', None]
    assert running.asked_anew == 1
    assert await running.set.seek(A.key_id) is None
    assert running.set.find(B.key_id) is not None
    said = running.logger.said("the key set of an issuer was fetched anew, as was ordered")
    assert said == [{"issuer": "https://id.example", "key_ids": [B.key_id]}]


async def test_an_order_that_cannot_be_carried_out_is_tried_again_without_what_others_fetched(
    running: Issuer,
) -> None:
    running.answer = Unfetched("status")
    running.clock.at += 1
    other = Issuer(A, shared=running.shared)
    other.clock.at = running.clock.at
    ordered_at = await running.shared.order()
    other.set.begin_after(ordered_at=ordered_at)
    await other.fetch_now()
    await eventually(lambda: len(running.asked) == 3)
    assert running.set.carried_out == 0
    assert running.set.age_seconds == 1
    running.publish(B)
    running.clock.at += 2
    await eventually(lambda: running.set.carried_out == ordered_at)
    assert running.asked == [None, '"v1"', None, None]
    assert running.set.find(A.key_id) is None


async def test_a_fetch_that_had_begun_before_the_order_does_not_carry_it_out(running: Issuer) -> None:
    running.gate = asyncio.Event()
    seeking = asyncio.create_task(running.set.seek("made-up"))
    await eventually(lambda: len(running.asked) == 3)
    ordered_at = await running.shared.order()
    await eventually(lambda: running.set._is_distrusted)
    running.publish(B)
    running.gate.set()
    await eventually(lambda: running.set.carried_out == ordered_at)
    assert running.set.find(A.key_id) is None
    assert running.asked == [None, '"v1"', '"v1"', None]
    assert await seeking is None


async def test_orders_upon_orders_are_heeded_at_intervals(issuer: Issuer) -> None:
    await issuer.shared.order()
    assert await issuer.refresh._is_ordered()
    await issuer.shared.order()
    issuer.clock.at += ORDER_COOLDOWN_SECONDS - 1
    assert not await issuer.refresh._is_ordered()
    issuer.clock.at += 1
    assert await issuer.refresh._is_ordered()


async def test_what_was_fetched_before_an_order_helps_nobody_after_it(issuer: Issuer) -> None:
    await issuer.shared.order()
    second = Issuer(shared=issuer.shared)
    second.answer = Unfetched("unreachable")
    await started(second)
    assert not second.set.is_ready
    second.publish(B)
    await second.fetch_now()
    third = Issuer(shared=issuer.shared)
    await started(third)
    assert third.asked == []
    assert third.set.find(B.key_id) is not None
    assert third.set.carried_out == issuer.shared.ordered_at


async def test_a_server_that_began_without_the_store_carries_out_the_order_that_it_finds_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_refresh, "ORDERS_EVERY_SECONDS", 0.01)
    issuer = Issuer(A)
    issuer.shared.ordered_at = None
    task = asyncio.create_task(issuer.refresh.run())
    await eventually(lambda: issuer.set.find(A.key_id))
    issuer.shared.ordered_at = 7.0
    await eventually(lambda: issuer.set.carried_out == 7.0)
    assert issuer.asked == [None, None]
    task.cancel()


async def test_an_order_that_the_store_forgets_is_no_new_one(issuer: Issuer) -> None:
    await issuer.shared.order()
    assert await issuer.refresh._is_ordered()
    issuer.shared.ordered_at = 0.0
    issuer.clock.at += ORDER_COOLDOWN_SECONDS
    assert not await issuer.refresh._is_ordered()


def withdrawals(issuer: Issuer) -> list[list[str]]:
    told: list[list[str]] = []
    issuer.set.when_withdrawn(lambda key_ids: told.append(sorted(key_ids)))
    return told


async def test_a_key_that_is_not_published_any_more_is_told_to_be_withdrawn() -> None:
    issuer = Issuer(A, B)
    told = withdrawals(issuer)
    await issuer.fetch_now()
    assert told == []
    issuer.publish(B)
    await issuer.fetch_now()
    await issuer.fetch_now()
    assert told == [[A.key_id]]


async def test_a_key_that_turns_out_unfit_is_told_too(issuer: Issuer) -> None:
    told = withdrawals(issuer)
    document = json.dumps({"keys": [{**A.jwk, "use": "enc"}, {**B.jwk}]}).encode()
    issuer.answer = Document(document, 600, '"v2"')
    await issuer.fetch_now()
    assert told == [[A.key_id]]


async def test_so_is_a_key_whose_name_another_one_has_taken(issuer: Issuer) -> None:
    told = withdrawals(issuer)
    issuer.publish(B, kid=A.key_id)
    await issuer.fetch_now()
    assert told == [[A.key_id]]


async def test_keys_that_are_merely_not_fetched_are_not_withdrawn(issuer: Issuer) -> None:
    told = withdrawals(issuer)
    issuer.answer = Unfetched("unreachable")
    issuer.clock.at += MAX_STALE.total_seconds() + 1
    await issuer.fetch_now()
    assert told == []


async def test_keys_are_good_for_as_long_as_they_may_serve_unconfirmed(issuer: Issuer) -> None:
    assert issuer.set.good_for_seconds == MAX_STALE.total_seconds()
    issuer.clock.at += 60.0
    assert issuer.set.good_for_seconds == MAX_STALE.total_seconds() - 60.0
    assert Issuer().set.good_for_seconds <= 0
