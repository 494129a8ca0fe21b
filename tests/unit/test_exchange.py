"""Exchanges at providers: what was judged is handed on, each is counted, and nothing brought is lost.

What happens to sessions is seen with a real provider and a real store (tests/fault/test_provider.py).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from sessiond_server.domain.failures import (
    KeysUnavailableError,
    OverloadedError,
    ProviderUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
    StoreUnavailableError,
)
from sessiond_server.service.providers import exchange
from sessiond_server.service.providers.exchange import Exchanged, ProviderExchange
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.storage.leases import Moved
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import Leased, NotRotated, Rotated
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger

ISSUER = "https://issuer.example"
UNUSED: Any = None
SESSION: Any = SimpleNamespace(id="sds_x", login=SimpleNamespace(issuer=ISSUER))
CLAIMS: Any = SimpleNamespace(expires_at=0.0, token_id="t", provider_session_id=None)
GRANTED = Granted("access", "refresh", None)
ROTATED = Rotated(SESSION, b"", b"", replayed=False)


class World:
    """A provider, the judgement of what it gives, and the store of leases; `failing` of ours fails once."""

    def __init__(
        self, response: Any, *, claims: Any = None, committed: Any = None, failing: Any = None
    ) -> None:
        self.response, self.claims, self.committed, self.failing = response, claims, committed, failing
        self.telemetry = RecordingTelemetry()
        self.endpoint = self
        self.is_asked, self.is_answering = asyncio.Event(), asyncio.Event()
        self.is_answering.set()
        self.policy = SimpleNamespace(issuer=ISSUER)
        self.ends_in_doubt = False
        ours: Any = self
        self.clock, self.failure_seconds = FakeClock(), 0.0
        self.exchange = ProviderExchange(
            ours,
            ours,
            ours,
            revocations=ours,
            clock=self.clock,
            logger=SilentLogger(),
            telemetry=self.telemetry,
        )

    def find(self, _issuer: str) -> Any:
        return self

    async def refresh(self, _token: str) -> Any:
        return self.response

    async def claims_of_same_login(self, _token: str, _login: Any) -> Any:
        self.fail(KeysUnavailableError)
        return self.claims

    async def rotate(self, _rotation: Any) -> Leased:
        self.is_asked.set()
        await self.is_answering.wait()
        return Leased(SESSION, "r", in_doubt=False)

    async def commit(self, *_: Any) -> Any:
        self.fail(StoreUnavailableError)
        return self.committed

    async def end_leased(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(count=1, logged=Logged((), UNUSED))

    async def release(self, *_: Any) -> None: ...

    def apply_own(self, _logged: Logged) -> None: ...

    def fail(self, failure: type[Exception]) -> None:
        if self.failing is failure:
            self.failing = None
            self.clock.at += self.failure_seconds
            raise failure

    async def run(self) -> Any:
        return await self.exchange.rotate(UNUSED)


async def test_a_commit_hands_on_what_it_was_judged_by() -> None:
    outcome = await World(GRANTED, claims=CLAIMS, committed=ROTATED).run()
    assert isinstance(outcome, Exchanged)
    assert (outcome.access_token, outcome.claims) == ("access", CLAIMS)


@pytest.mark.parametrize(
    ("response", "claims", "committed", "outcome"),
    [
        (GRANTED, CLAIMS, ROTATED, "granted"),
        (GRANTED, CLAIMS, Moved(), "dropped"),
        (GRANTED, CLAIMS, NotRotated(RefreshRefusal.REVOKED), "dropped"),
        (GRANTED, None, None, "mismatch"),
        (Refused(), None, None, "refused"),
        (NoDecision(Doubt.NONE), None, None, "undecided"),
    ],
)
async def test_each_exchange_is_counted_once(
    response: Any, claims: Any, committed: Any, outcome: str
) -> None:
    world = World(response, claims=claims, committed=committed)
    with suppress(RefreshRefusedError, ProviderUnavailableError):
        await world.run()
    assert world.telemetry.of("exchange_tried") == [(ISSUER, outcome)]


async def test_a_lease_that_comes_when_its_call_has_left_is_used() -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.is_answering.clear()
    call = asyncio.create_task(world.run())
    await world.is_asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    world.is_answering.set()
    await world.exchange.drain()
    assert world.telemetry.of("exchange_tried") == [(ISSUER, "granted")]


@pytest.mark.parametrize("failing", [KeysUnavailableError, StoreUnavailableError])
async def test_a_short_failure_of_ours_loses_nothing_that_a_provider_gave(failing: Any) -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED, failing=failing)
    assert isinstance(await world.run(), Exchanged)
    assert world.failing is None


@pytest.mark.parametrize("failing", [KeysUnavailableError, StoreUnavailableError])
async def test_what_cannot_be_kept_within_the_lease_is_counted_as_lost(failing: Any) -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED, failing=failing)
    world.failure_seconds = 15.0
    with pytest.raises(failing):
        await world.run()
    assert world.telemetry.of("exchange_tried") == [(ISSUER, "lost")]


async def test_no_more_go_on_without_their_callers_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_MAX_RUNNING", 2)
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.is_answering.clear()
    left = [asyncio.create_task(world.exchange.rotate(UNUSED)) for _ in range(2)]
    await world.is_asked.wait()
    for call in left:
        call.cancel()
    await asyncio.wait(left)
    with pytest.raises(OverloadedError):
        await world.exchange.rotate(UNUSED)
    world.is_answering.set()
    await world.exchange.drain()
    assert isinstance(await world.exchange.rotate(UNUSED), Exchanged)
