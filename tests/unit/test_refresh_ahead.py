"""When providers are asked ahead of need: once for each access token, in bounds, and for nothing else."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import Position
from sessiond_server.domain.session import Login
from sessiond_server.service.providers import refresh_ahead
from sessiond_server.service.providers.ahead_exchange import AheadExchange, AheadOutcome
from sessiond_server.service.providers.lease_time import BEGUN_WITHIN_SECONDS
from sessiond_server.service.providers.logins import SomebodyElses, Unfit
from sessiond_server.service.providers.profile import RefreshProfile
from sessiond_server.service.providers.refresh_ahead import MAX_AT_ONCE, AheadOfNeed, RefreshAhead
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import Leased, ProviderTokens
from sessiond_server.service.uncancelled import Uncancelled
from tests.support.fakes import (
    FakeClock,
    RecordingAudit,
    RecordingLogger,
    RecordingTelemetry,
    SilentLogger,
    SilentTelemetry,
    audit_trail,
)
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ISSUER = "https://issuer.example"
AHEAD, GRACE, LIFE = 120.0, 10.0, 300.0
SESSION = SessionId(b"s" * 16)


def claims(*, expires_at: float, issuer: str = ISSUER) -> Claims:
    nothing: Any = {field.name: None for field in fields(Claims)}
    said = {"issuer": issuer, "expires_at": expires_at, "token_id": "t", "scopes": ()}
    return Claims(**{**nothing, **said})


class World:
    """Sessions in use, and an exchange that is made when `may_answer` says so; `failing` comes of it."""

    def __init__(self) -> None:
        self.clock, self.telemetry = FakeClock(), RecordingTelemetry()
        self.made: list[SessionId] = []
        self.within_ms: list[int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failing: Exception | None = None
        self.ticks = 0
        exchange: Any = self
        self.ahead = RefreshAhead(
            exchange,
            {ISSUER: AheadOfNeed(AHEAD, GRACE)},
            clock=self.clock,
            telemetry=self.telemetry,
            pause=self.pause,
        )

    async def pause(self, _seconds: float) -> None:
        self.ticks += 1
        await asyncio.sleep(0.001)

    async def run(self, session: SessionId, *, within_ms: int) -> AheadOutcome:
        self.made.append(session)
        self.within_ms.append(within_ms)
        await self.may_answer.wait()
        if self.failing:
            raise self.failing
        return AheadOutcome.GRANTED

    async def drain(self) -> None: ...

    def use(self, session: SessionId = SESSION, *, seconds: float = LIFE, issuer: str = ISSUER) -> None:
        self.ahead.note_use(session, claims(expires_at=self.clock.now() + seconds, issuer=issuer))

    async def ticked(self) -> None:
        """Everything that is due now has been begun."""
        wanted = self.ticks + 2
        await eventually(lambda: self.ticks >= wanted)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.ahead.keep_up())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_made_once_so_long_before_the_token_ends() -> None:
    world = World()
    async with world.running():
        world.use()
        world.clock.at += LIFE - AHEAD - 0.1
        await world.ticked()
        assert world.made == []
        world.clock.at += 0.2
        await world.ticked()
        assert world.made == [SESSION]
        # Nobody has used the session since.
        world.clock.at += 10 * LIFE
        await world.ticked()
        assert (world.made, len(world.ahead)) == ([SESSION], 0)
    assert world.telemetry.of("exchanged_ahead") == [(ISSUER, "granted")]
    # The clocks of provider and store may be others.
    assert world.within_ms == [round((AHEAD + 5) * 1000)]


async def test_a_session_that_was_used_again_waits_for_its_new_token() -> None:
    world = World()
    async with world.running():
        world.use()
        world.clock.at += LIFE / 2
        world.use()
        assert len(world.ahead) == 1
        world.clock.at += LIFE / 2
        await world.ticked()
        assert world.made == []
        world.clock.at += LIFE / 2
        await world.ticked()
        assert world.made == [SESSION]


async def test_a_token_that_ends_soon_is_left_until_the_grace_is_over() -> None:
    world = World()
    async with world.running():
        world.use(seconds=AHEAD / 2)
        world.clock.at += GRACE - 0.1
        await world.ticked()
        assert world.made == []
        world.clock.at += 0.2
        await world.ticked()
        assert world.made == [SESSION]


def test_nothing_waits_for_what_ends_within_the_grace_or_is_of_other_issuers() -> None:
    world = World()
    world.use(seconds=GRACE)
    world.use(issuer="https://other.example")
    assert len(world.ahead) == 0
    without = RefreshAhead(None, {}, clock=world.clock, telemetry=SilentTelemetry())  # type: ignore[arg-type]
    without.note_use(SESSION, claims(expires_at=world.clock.now() + LIFE))
    assert (len(without), without.is_wanted, world.ahead.is_wanted) == (0, False, True)


async def test_a_few_are_at_the_provider_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_ahead, "MAX_WAITING", 30)
    world = World()
    world.may_answer.clear()
    async with world.running():
        for _ in range(32):
            world.use(SessionId(os.urandom(16)))
        assert world.telemetry.of("exchanged_ahead") == [(ISSUER, "left_out")] * 2
        world.clock.at += LIFE - AHEAD
        await world.ticked()
        assert len(world.made) == MAX_AT_ONCE
        world.may_answer.set()
        await eventually(lambda: len(world.made) == 30)
    assert len(set(world.made)) == 30


async def test_a_failure_is_counted_and_disturbs_no_other() -> None:
    world = World()
    world.failing = StoreUnavailableError()
    async with world.running():
        world.use()
        world.clock.at += LIFE - AHEAD
        await world.ticked()
        world.failing = None
        world.use()
        world.clock.at += LIFE - AHEAD
        await world.ticked()
    assert world.telemetry.of("exchanged_ahead") == [(ISSUER, "failed"), (ISSUER, "granted")]


async def test_a_server_that_stops_begins_no_more() -> None:
    world = World()
    async with world.running():
        world.use()
        await world.ahead.drain()
        world.clock.at += LIFE
        await world.ticked()
    assert world.made == []


LEASED_SESSION: Any = SimpleNamespace(id=SESSION, login=Login(ISSUER, "alice", "app"))
LEASED = Leased(LEASED_SESSION, "refresh-1", in_doubt=False)


class Provider:
    """A provider, the judgement of what it gives, and the leases of the store."""

    def __init__(self, response: Any, *, judged: Any = None, ends_in_doubt: bool = False) -> None:
        self.response, self.judged = response, judged
        self.profile = RefreshProfile(ends_in_doubt=ends_in_doubt)
        self.endpoints = {"app": self}
        self.is_leased, self.is_kept, self.ended, self.failing = True, True, 1, 0
        self.kept: list[ProviderTokens] = []
        self.released: list[LeaseEnd] = []
        self.ends: list[tuple[str, str | None]] = []
        self.applied: list[Any] = []
        self.audit = RecordingAudit()
        ours: Any = self
        self.clock, self.seconds_to_lease = FakeClock(), 0.0
        self.exchange = AheadExchange(
            ours,
            ours,
            revocations=ours,
            uncancelled=Uncancelled(),
            until_stored=UntilStored(clock=self.clock, logger=SilentLogger(), telemetry=SilentTelemetry()),
            audit=audit_trail(self.audit),
            logger=RecordingLogger(),
            clock=self.clock,
            entry_life_ms=1,
            randomness=os.urandom,
        )

    async def lease(self, _ahead: Any) -> Leased | None:
        self.clock.at += self.seconds_to_lease
        return LEASED if self.is_leased else None

    async def keep(self, _ahead: Any, _leased: Leased, tokens: ProviderTokens) -> bool:
        self.kept.append(tokens)
        if self.failing:
            self.failing -= 1
            raise StoreUnavailableError
        return self.is_kept

    async def release(self, _ahead: Any, end: LeaseEnd) -> None:
        self.released.append(end)

    async def end(self, _ahead: Any, _leased: Leased, *, cause: Any, brought: str | None) -> Any:
        self.ends.append((cause.name, brought))
        return SimpleNamespace(count=self.ended, logged=Logged((), Position(bytes(16), 0, 1, "")))

    def find(self, _issuer: str) -> Any:
        return self

    async def refresh(self, token: str) -> Any:
        assert token == "refresh-1"
        return self.response

    async def judge_exchanged(self, _token: str, _login: Login) -> Any:
        return self.judged

    def apply_own(self, logged: Any) -> None:
        self.applied.append(logged)

    async def run(self) -> str:
        return (await self.exchange.run(SESSION, within_ms=1)).value


GRANTED = Granted("access-2", "refresh-2", None)
GOOD = claims(expires_at=10.0)


async def test_what_is_granted_is_kept_however_long_the_store_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiond_server.service.providers.until_stored._PAUSE_SECONDS", 0)
    provider = Provider(GRANTED, judged=GOOD)
    provider.failing = 2
    assert await provider.run() == "granted"
    assert len(provider.kept) == 3
    (kept, *_) = provider.kept
    assert (kept.access_token, kept.refresh_token, kept.refresh_life_ms) == ("access-2", "refresh-2", 0)


async def test_where_no_refresh_token_comes_the_one_before_stays_as_it_was_known() -> None:
    provider = Provider(Granted("access-2", None, None), judged=GOOD)
    assert await provider.run() == "granted"
    assert (provider.kept[0].refresh_token, provider.kept[0].refresh_life_ms) == ("refresh-1", None)


async def test_of_what_cannot_be_handed_out_the_refresh_token_is_kept() -> None:
    provider = Provider(GRANTED, judged=Unfit("KEY_UNKNOWN"))
    assert await provider.run() == "unfit"
    assert (provider.kept[0].access_token, provider.kept[0].refresh_token) == ("", "refresh-2")


async def test_what_finds_no_place_is_dropped() -> None:
    provider = Provider(GRANTED, judged=GOOD)
    provider.is_kept = False
    assert await provider.run() == "dropped"


async def test_nothing_is_asked_without_a_lease() -> None:
    provider = Provider(None)
    provider.is_leased = False
    assert await provider.run() == "not_due"


async def test_a_lease_that_comes_too_late_is_given_back_unused() -> None:
    provider = Provider(GRANTED, judged=GOOD)
    provider.seconds_to_lease = BEGUN_WITHIN_SECONDS + 0.1
    assert await provider.run() == "not_due"
    assert (provider.released, provider.kept) == ([LeaseEnd.RELEASE], [])


@pytest.mark.parametrize(
    ("provider", "outcome", "ends"),
    [
        (Provider(Refused()), "refused", ("PROVIDER_REFUSED", None)),
        (Provider(GRANTED, judged=SomebodyElses()), "mismatch", ("PROVIDER_MISMATCH", "refresh-2")),
        (Provider(NoDecision(Doubt.OPEN), ends_in_doubt=True), "undecided", ("PROVIDER_LOST", None)),
    ],
)
async def test_only_what_ends_a_session_at_any_exchange_ends_one(
    provider: Provider, outcome: str, ends: tuple[str, str | None]
) -> None:
    assert await provider.run() == outcome
    assert provider.ends == [ends]
    assert len(provider.applied) == 1
    (event,) = provider.audit.events
    assert (event["action"], event["outcome"], event["cause"]) == ("session.ended", "done", ends[0])
    provider.ended = 0
    assert await provider.run() == "dropped"
    assert len(provider.audit.events) == 1


@pytest.mark.parametrize(
    ("doubt", "released"),
    [(Doubt.NONE, [LeaseEnd.RELEASE]), (Doubt.POSSIBLE, [LeaseEnd.DOUBT]), (Doubt.OPEN, [])],
)
async def test_what_was_not_decided_ends_nothing(doubt: Doubt, released: list[LeaseEnd]) -> None:
    provider = Provider(NoDecision(doubt))
    assert await provider.run() == "undecided"
    assert (provider.released, provider.ends) == (released, [])
