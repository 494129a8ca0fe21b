"""A provider's keys: always there, never flooding the provider, and gone when the provider says so."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.app.issuers import key_set_reader
from sessiond_server.domain.failures import KeysUnavailableError
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.storage.key_sets import Document, SharedDocument, SharedKeySet
from sessiond_server.service.validation.fetch_restraint import COOLDOWN_SECONDS
from sessiond_server.service.validation.remote_keys import RemoteKeySet, Unfetched
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger
from tests.support.waiting import eventually

MAX_STALE = timedelta(hours=1)
POLICY = IssuerPolicy("https://id.example", frozenset({"api"}), frozenset({"ES256"}))


def new_key() -> SigningKey:
    return SigningKey(generate_private_key(SECP256R1()))


A, B = new_key(), new_key()


class Shelf(SharedKeySet):
    """The key set that servers share."""

    def __init__(self) -> None:
        self.held: SharedDocument | None = None

    async def load(self) -> SharedDocument | None:
        return self.held

    async def save(self, shared: SharedDocument) -> None:
        self.held = shared


class Issuer:
    """What the provider would say, and how often it was asked."""

    def __init__(self, *keys: SigningKey, shared: Shelf | None = None) -> None:
        self.shared = shared or Shelf()
        self.clock = FakeClock(1000.0)
        self.answer: Document | Unfetched = Unfetched("unreachable")
        self.asked: list[str | None] = []
        self.gate: asyncio.Event | None = None
        self.telemetry = RecordingTelemetry()
        self.publish(*keys)
        self.set = RemoteKeySet(
            "https://id.example",
            self.fetch,
            read=key_set_reader(POLICY, logger=SilentLogger()),
            max_stale=MAX_STALE,
            clock=self.clock,
            logger=SilentLogger(),
            jitter=lambda: 0.0,
            telemetry=self.telemetry,
            shared=self.shared,
        )

    def publish(self, *keys: SigningKey, **members: Any) -> None:
        body = json.dumps({"keys": [{**key.jwk, **members} for key in keys]}).encode()
        self.answer = Document(body, 600, '"v1"')

    async def fetch(self, entity_tag: str | None) -> Document | Unfetched:
        self.asked.append(entity_tag)
        if self.gate:
            await self.gate.wait()
        return self.answer

    async def fetch_now(self) -> None:
        """One round of the background refresh."""
        await self.set._refresh()


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
    assert issuer.set._pause() == pytest.approx(480)


async def test_keys_that_live_longer_than_they_may_serve_are_refreshed_in_time(issuer: Issuer) -> None:
    issuer.answer = Document(json.dumps({"keys": [{**A.jwk}]}).encode(), 86_400, None)
    await issuer.fetch_now()
    assert issuer.set._pause() == pytest.approx(0.8 * MAX_STALE.total_seconds())


async def test_failures_are_tried_again_ever_more_slowly(issuer: Issuer) -> None:
    issuer.answer = Unfetched("status")
    pauses = []
    for _ in range(8):
        await issuer.fetch_now()
        pauses.append(issuer.set._pause())
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


async def test_made_up_ids_cause_three_fetches_and_one_a_cooldown(issuer: Issuer) -> None:
    for number in range(10_000):
        assert await issuer.set.seek(f"made-up-{number}") is None
    assert len(issuer.asked) == 1 + 3
    issuer.clock.at += COOLDOWN_SECONDS
    for number in range(100):
        assert await issuer.set.seek(f"again-{number}") is None
    assert len(issuer.asked) == 1 + 3 + 1
    assert issuer.set.unknown_ids == 10_100


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
    task = asyncio.create_task(issuer.set.keep_fresh())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_second_server_starts_from_what_the_first_fetched(issuer: Issuer) -> None:
    second = Issuer(shared=issuer.shared)
    second.clock.at += 100
    second.answer = Unfetched("unreachable")
    await started(second)
    assert second.set.find(A.key_id) is not None
    assert second.set.was_tried
    assert second.asked == []
    assert second.set.age_seconds == 100


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
