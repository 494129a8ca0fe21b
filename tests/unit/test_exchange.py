"""Exchanges at providers: what was judged is handed on, each is counted, and nothing brought is lost.

What happens to sessions is seen with a real provider and a real store (tests/fault/test_provider.py).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest

from sessiond_server.adapters.http.outbound import DOCUMENT_SECONDS, TOKEN_SECONDS
from sessiond_server.adapters.store.limits import LEASE_MS
from sessiond_server.adapters.store.time_limits import COMMAND_LIFE_SECONDS
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.failures import (
    OverloadedError,
    ProviderUnavailableError,
    RefreshRefusal,
    RefreshRefusedError,
    StoreUnavailableError,
)
from sessiond_server.domain.revocation import Position
from sessiond_server.domain.session import Cause, Login
from sessiond_server.service import uncancelled
from sessiond_server.service.providers.exchange import Exchanged, ProviderExchange
from sessiond_server.service.providers.lease_time import BEGUN_WITHIN_SECONDS
from sessiond_server.service.providers.logins import SomebodyElses, Unfit
from sessiond_server.service.providers.profile import RefreshProfile
from sessiond_server.service.providers.token_endpoint import Doubt, Granted, NoDecision, Refused
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.storage.leases import LeaseEnd, Moved
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import Leased, NotRotated, ProviderTokens, Rotated
from sessiond_server.service.uncancelled import Uncancelled
from tests.support.fakes import (
    ORIGIN,
    FakeClock,
    RecordingAudit,
    RecordingLogger,
    RecordingTelemetry,
    audit_trail,
)

ISSUER = "https://issuer.example"
UNUSED: Any = None
SESSION: Any = SimpleNamespace(id="sds_x", login=Login(ISSUER, "alice", "app", scopes=("a",)))
NOTHING: Any = {field.name: None for field in fields(Claims)}
CLAIMS = Claims(**{**NOTHING, "issuer": ISSUER, "expires_at": 0.0, "token_id": "t", "scopes": ("a",)})
GRANTED = Granted("access", "refresh", None)
ROTATED = Rotated(SESSION, b"", b"", replayed=False)


class World:
    """A provider, the judgement of what it gives, and the store of leases; `failing` of ours fails once."""

    def __init__(
        self, response: Any, *, claims: Any = None, committed: Any = None, failing: Any = None
    ) -> None:
        self.response, self.claims, self.committed, self.failing = response, claims, committed, failing
        self.telemetry, self.logger = RecordingTelemetry(), RecordingLogger()
        self.audit = RecordingAudit()
        self.kept, self.life_ms = "", None
        self.released: list[LeaseEnd] = []
        self.presented: list[str] = []
        self.cause: Cause | None = None
        self.brought: str | None = None
        self.endpoints = {"app": self}
        self.is_asked, self.is_answering = asyncio.Event(), asyncio.Event()
        self.is_answering.set()
        self.policy = SimpleNamespace(issuer=ISSUER)
        self.profile, self.leased = RefreshProfile(), Leased(SESSION, "r", in_doubt=False)
        ours: Any = self
        self.clock, self.failure_seconds, self.lease_seconds = FakeClock(), 0.0, 0.0
        self.exchange = ProviderExchange(
            ours,
            ours,
            ours,
            revocations=ours,
            logger=self.logger,
            telemetry=self.telemetry,
            uncancelled=Uncancelled(),
            until_stored=UntilStored(clock=self.clock, logger=self.logger, telemetry=self.telemetry),
            audit=audit_trail(self.audit),
            clock=self.clock,
        )

    def find(self, _issuer: str) -> Any:
        return self

    async def refresh(self, token: str) -> Any:
        self.presented.append(token)
        return self.response

    async def judge_exchanged(self, _token: str, _login: Any) -> Any:
        return self.claims

    async def hold(
        self, _rotation: Any, _leased: Any, refresh_token: str, *, refresh_life_ms: int | None
    ) -> float | None:
        self.fail(StoreUnavailableError)
        self.kept, self.life_ms = refresh_token, refresh_life_ms
        return None if isinstance(self.committed, Moved) else 1.0

    async def rotate(self, _rotation: Any) -> Leased:
        self.is_asked.set()
        await self.is_answering.wait()
        self.clock.at += self.lease_seconds
        return self.leased

    async def commit(self, _rotation: Any, _leased: Any, tokens: ProviderTokens) -> Any:
        self.fail(StoreUnavailableError)
        self.kept, self.life_ms = tokens.refresh_token, tokens.refresh_life_ms
        return self.committed

    async def end_leased(self, *_: Any, cause: Cause, brought: str | None) -> Any:
        self.cause, self.brought = cause, brought
        return SimpleNamespace(count=1, logged=Logged((), Position(bytes(16), 0, 1, "")))

    async def release(self, _rotation: Any, end: LeaseEnd, *, doubt_age_ms: int | None) -> None:
        assert doubt_age_ms == self.leased.doubt_age_ms
        self.released.append(end)

    def apply_own(self, _logged: Logged) -> None: ...

    def fail(self, failure: type[Exception]) -> None:
        if self.failing is failure:
            self.failing = None
            self.clock.at += self.failure_seconds
            raise failure

    async def run(self) -> Any:
        return await self.exchange.rotate(UNUSED, ORIGIN)


async def test_a_commit_hands_on_what_it_was_judged_by() -> None:
    outcome = await World(GRANTED, claims=CLAIMS, committed=ROTATED).run()
    assert isinstance(outcome, Exchanged)
    assert (outcome.access_token, outcome.claims) == ("access", CLAIMS)


async def test_of_a_lease_that_comes_too_late_no_use_is_made() -> None:
    """Its server may have stood still meanwhile: somebody else may have spent the provider's token since."""
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.lease_seconds = BEGUN_WITHIN_SECONDS + 0.1
    assert await world.run() == Moved()
    assert (world.presented, world.released) == ([], [LeaseEnd.RELEASE])
    world.lease_seconds = BEGUN_WITHIN_SECONDS - 0.1
    assert isinstance(await world.run(), Exchanged)


def test_an_exchange_that_begins_in_time_is_over_before_its_lease() -> None:
    assert BEGUN_WITHIN_SECONDS + DOCUMENT_SECONDS + TOKEN_SECONDS <= LEASE_MS / 1000
    # Nobody is refused for having waited for a connection.
    assert BEGUN_WITHIN_SECONDS >= COMMAND_LIFE_SECONDS


@pytest.mark.parametrize(
    ("response", "claims", "committed", "outcome"),
    [
        (GRANTED, CLAIMS, ROTATED, "granted"),
        (GRANTED, CLAIMS, Moved(), "dropped"),
        (GRANTED, CLAIMS, NotRotated(RefreshRefusal.REVOKED), "dropped"),
        (GRANTED, SomebodyElses(), None, "mismatch"),
        (GRANTED, Unfit("KEY_UNKNOWN"), None, "held"),
        (GRANTED, Unfit("KEY_UNKNOWN"), Moved(), "dropped"),
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


@pytest.mark.parametrize("claims", [CLAIMS, Unfit("KEY_UNKNOWN")])
async def test_a_failure_of_the_store_loses_nothing_however_long_it_lasts(claims: Any) -> None:
    world = World(GRANTED, claims=claims, committed=ROTATED, failing=StoreUnavailableError)
    world.failure_seconds = 600.0
    with suppress(ProviderUnavailableError):
        await world.run()
    assert world.failing is None
    assert world.telemetry.of("exchange_tried") == [(ISSUER, "granted" if claims is CLAIMS else "held")]


async def test_a_server_that_stops_gives_up_on_a_store_that_does_not_answer() -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.exchange._until_stored._give_up = world.clock.at
    world.failing = StoreUnavailableError
    with pytest.raises(StoreUnavailableError):
        await world.run()
    assert world.telemetry.of("exchange_tried") == [(ISSUER, "lost")]


async def test_what_does_not_fit_is_kept_and_nothing_is_handed_out() -> None:
    world = World(GRANTED, claims=Unfit("AUDIENCE_MISMATCH"))
    with pytest.raises(ProviderUnavailableError):
        await world.run()
    assert world.kept == "refresh"
    (told,) = world.logger.said(
        "what a provider gave for a session cannot be handed out, the session is held"
    )
    assert (told["reason"], told["pause_seconds"]) == ("AUDIENCE_MISMATCH", 1.0)


@pytest.mark.parametrize("claims", [CLAIMS, Unfit("KEY_UNKNOWN")])
@pytest.mark.parametrize(
    ("refresh_token", "said_ms", "kept", "life_ms"),
    [
        ("refresh", 60_000, "refresh", 60_000),
        ("refresh", None, "refresh", 0),
        (None, 60_000, "r", 60_000),
        (None, None, "r", None),
    ],
)
async def test_the_life_of_a_refresh_token_goes_with_it(
    claims: Any, refresh_token: str | None, said_ms: int | None, kept: str, life_ms: int | None
) -> None:
    world = World(Granted("access", refresh_token, None, said_ms), claims=claims, committed=ROTATED)
    with suppress(ProviderUnavailableError):
        await world.run()
    assert (world.kept, world.life_ms) == (kept, life_ms)


async def test_no_more_go_on_without_their_callers_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncancelled, "_MAX_RUNNING", 2)
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.is_answering.clear()
    left = [asyncio.create_task(world.exchange.rotate(UNUSED, ORIGIN)) for _ in range(2)]
    await world.is_asked.wait()
    for call in left:
        call.cancel()
    await asyncio.wait(left)
    with pytest.raises(OverloadedError):
        await world.exchange.rotate(UNUSED, ORIGIN)
    world.is_answering.set()
    await world.exchange.drain()
    assert isinstance(await world.exchange.rotate(UNUSED, ORIGIN), Exchanged)


async def test_scopes_that_a_provider_widened_are_its_decision_and_told() -> None:
    world = World(GRANTED, claims=replace(CLAIMS, scopes=("a", "b")), committed=ROTATED)
    assert isinstance(await world.run(), Exchanged)
    (told,) = world.logger.said("a provider has widened the scopes of a session")
    assert told["count"] == 1
    assert world.telemetry.of("scopes_widened") == [(ISSUER,)]


async def test_a_call_without_a_deadline_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncancelled, "_CALL_SECONDS", 0.01)
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.is_answering.clear()
    with pytest.raises(StoreUnavailableError):
        await world.run()
    world.is_answering.set()
    await world.exchange.drain()
    assert world.telemetry.of("exchange_tried") == [(ISSUER, "granted")]


@pytest.mark.parametrize(
    ("doubt", "released"),
    [(Doubt.NONE, [LeaseEnd.RELEASE]), (Doubt.POSSIBLE, [LeaseEnd.DOUBT]), (Doubt.OPEN, [])],
)
async def test_nobody_tries_again_while_an_exchange_may_still_be_going_on(
    doubt: Doubt, released: list[LeaseEnd]
) -> None:
    world = World(NoDecision(doubt))
    with pytest.raises(ProviderUnavailableError):
        await world.run()
    assert world.released == released


STATIC = RefreshProfile(renews=False, spends=False)
RENEWING = RefreshProfile(spends=False)
ENDING = RefreshProfile(ends_in_doubt=True)
GRACEFUL = RefreshProfile(ends_in_doubt=True, grace_ms=30_000)


@pytest.mark.parametrize("profile", [STATIC, RENEWING])
@pytest.mark.parametrize("doubt", Doubt)
async def test_a_token_that_is_never_spent_is_in_no_doubt(profile: RefreshProfile, doubt: Doubt) -> None:
    world = World(NoDecision(doubt))
    world.profile = profile
    with pytest.raises(ProviderUnavailableError):
        await world.run()
    assert world.released == [LeaseEnd.RELEASE]


@pytest.mark.parametrize(
    ("profile", "in_doubt", "cause"),
    [
        (RefreshProfile(), True, Cause.PROVIDER_LOST),
        (RefreshProfile(), False, Cause.PROVIDER_REFUSED),
        (STATIC, True, Cause.PROVIDER_REFUSED),
    ],
)
async def test_a_refusal_behind_a_doubt_is_a_loss_where_tokens_are_spent(
    profile: RefreshProfile, cause: Cause, *, in_doubt: bool
) -> None:
    world = World(Refused())
    world.profile, world.leased = profile, Leased(SESSION, "r", in_doubt=in_doubt)
    with pytest.raises(RefreshRefusedError):
        await world.run()
    assert world.cause is cause


@pytest.mark.parametrize(
    ("profile", "leased", "doubt", "ends"),
    [
        (ENDING, Leased(SESSION, "r", in_doubt=False), Doubt.NONE, False),
        (ENDING, Leased(SESSION, "r", in_doubt=False), Doubt.POSSIBLE, True),
        (ENDING, Leased(SESSION, "r", in_doubt=False), Doubt.OPEN, True),
        (GRACEFUL, Leased(SESSION, "r", in_doubt=False), Doubt.POSSIBLE, False),
        (GRACEFUL, Leased(SESSION, "r", in_doubt=False), Doubt.OPEN, False),
        (GRACEFUL, Leased(SESSION, "r", in_doubt=True, doubt_age_ms=1), Doubt.NONE, False),
        (GRACEFUL, Leased(SESSION, "r", in_doubt=True, doubt_age_ms=1), Doubt.POSSIBLE, True),
        (RefreshProfile(), Leased(SESSION, "r", in_doubt=True), Doubt.OPEN, False),
    ],
)
async def test_a_doubt_ends_a_session_where_another_try_would_be_punished(
    profile: RefreshProfile, leased: Leased, doubt: Doubt, *, ends: bool
) -> None:
    world = World(NoDecision(doubt))
    world.profile, world.leased = profile, leased
    with pytest.raises(RefreshRefusedError if ends else ProviderUnavailableError):
        await world.run()
    assert world.cause is (Cause.PROVIDER_LOST if ends else None)


@pytest.mark.parametrize(
    ("profile", "age_ms", "is_presented"),
    [
        (GRACEFUL, 28_999, True),
        (GRACEFUL, 29_001, False),
        (GRACEFUL, None, False),
        (ENDING, 1, False),
        (RefreshProfile(), None, True),
        (replace(STATIC, ends_in_doubt=True), None, True),
    ],
)
async def test_behind_the_grace_a_token_in_doubt_is_presented_where_doubts_are_tried_again(
    profile: RefreshProfile, age_ms: int | None, *, is_presented: bool
) -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.profile = profile
    world.leased = Leased(SESSION, "r", in_doubt=True, doubt_age_ms=age_ms)
    with suppress(RefreshRefusedError):
        await world.run()
    assert world.presented == (["r"] if is_presented else [])
    assert world.cause is (None if is_presented else Cause.PROVIDER_LOST)


@pytest.mark.parametrize(
    ("leased", "is_told"),
    [
        (Leased(SESSION, "r", in_doubt=False), False),
        (Leased(SESSION, "r", in_doubt=True, doubt_age_ms=1000), False),
        (Leased(SESSION, "r", in_doubt=True, doubt_age_ms=60_000), True),
    ],
)
@pytest.mark.parametrize("ends_more", [True, False])
async def test_another_try_that_may_end_other_sessions_is_told(
    leased: Leased, *, is_told: bool, ends_more: bool
) -> None:
    world = World(GRANTED, claims=CLAIMS, committed=ROTATED)
    world.profile, world.leased = RefreshProfile(grace_ms=30_000, replay_ends_more=ends_more), leased
    await world.run()
    said = world.logger.said(
        "a refresh token is presented again that may have been spent, which may end other sessions"
    )
    assert len(said) == (is_told and ends_more)


@pytest.mark.parametrize(
    ("profile", "brought", "found"),
    [
        (RefreshProfile(), "refresh", None),
        (RefreshProfile(), None, "kept"),
        (RefreshProfile(), "r", "kept"),
        (RENEWING, "refresh", None),
        (RENEWING, None, "kept"),
        (STATIC, None, None),
        (STATIC, "r", None),
        (STATIC, "refresh", "renewed"),
    ],
)
async def test_a_provider_that_contradicts_its_profile_is_told_once_and_counted(
    profile: RefreshProfile, brought: str | None, found: str | None
) -> None:
    world = World(Granted("access", brought, None), claims=CLAIMS, committed=ROTATED)
    world.profile = profile
    for _ in range(3):
        await world.run()
    assert world.kept == (brought or "r")
    assert world.telemetry.of("rotation_contradicted") == ([(ISSUER, found)] * 3 if found else [])
    said = world.logger.said("a provider does not treat refresh tokens as its issuer's rotation says")
    assert said == ([{"issuer": ISSUER, "refresh_token": found}] if found else [])


async def test_the_same_token_again_keeps_the_end_that_was_known() -> None:
    world = World(Granted("access", "r", None), claims=CLAIMS, committed=ROTATED)
    await world.run()
    assert (world.kept, world.life_ms) == ("r", None)


@pytest.mark.parametrize(("brought", "revoked"), [("refresh", "refresh"), ("r", None)])
async def test_only_another_token_is_let_go_of_beside_the_stored_one(
    brought: str, revoked: str | None
) -> None:
    world = World(Granted("access", brought, None), claims=SomebodyElses())
    with pytest.raises(RefreshRefusedError):
        await world.run()
    assert world.brought == revoked
