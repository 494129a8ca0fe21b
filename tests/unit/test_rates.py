"""How often something may be done: on average, at once, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond.v1 import session_pb2
from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import RateLimitedError, StoreUnavailableError
from sessiond_server.domain.rate import Activity, Buckets, Per, Rate
from sessiond_server.service.rate_limits import RateLimits, RateRule
from sessiond_server.transport.admission.metering import Metering
from sessiond_server.transport.engine.port import Call
from sessiond_server.transport.failures import to_status
from tests.support.fakes import FakeClock, RecordingTelemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY, OTHER = b"k" * 16, b"o" * 16
ISSUER = "https://id.example"


def test_a_burst_comes_at_once_and_then_one_after_the_other() -> None:
    buckets, rate = Buckets(), Rate(10, 1, burst=5)
    assert [buckets.take(KEY, rate, 0.0) for _ in range(5)] == [0.0] * 5
    assert buckets.take(KEY, rate, 0.0) == pytest.approx(0.1)
    assert buckets.take(OTHER, rate, 0.0) == 0.0
    assert buckets.take(KEY, rate, 0.1) == 0.0
    assert buckets.take(KEY, rate, 0.1) == pytest.approx(0.1)
    assert [buckets.take(KEY, rate, 10.0) for _ in range(6)][:6] == [0.0] * 5 + [pytest.approx(0.1)]


def test_whoever_is_refused_pays_nothing() -> None:
    buckets, rate = Buckets(), Rate(1, 1, burst=1)
    buckets.take(KEY, rate, 0.0)
    for _ in range(100):
        assert buckets.take(KEY, rate, 0.5) == pytest.approx(0.5)
    assert buckets.take(KEY, rate, 1.0) == 0.0


def test_many_at_once_are_paid_for_one_by_one() -> None:
    buckets, rate = Buckets(), Rate(10, 1, burst=10)
    assert buckets.take(KEY, rate, 0.0, count=30) == 0.0
    assert buckets.take(KEY, rate, 0.0) == pytest.approx(2.1)


def test_the_buckets_of_a_process_are_bounded_and_the_oldest_goes() -> None:
    buckets, rate = Buckets(at_most=2), Rate(1, 1, burst=2)
    for key in (b"1", b"2", b"1", b"3"):
        buckets.take(key, rate, 0.0)
    assert len(buckets) == 2
    assert buckets.take(b"1", rate, 0.0) > 0
    assert [buckets.take(b"2", rate, 0.0) for _ in range(2)] == [0.0, 0.0]


def test_a_rate_never_lets_more_through_than_it_says() -> None:
    assert Rate(3, 1, burst=1).interval_us == 333_334
    assert str(Rate(30, 60, burst=1)) == "30/m"


class Shared:
    """Buckets that all servers share, or a store that does not answer."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.buckets = clock, Buckets()
        self.is_away = False
        self.asked: list[tuple[bytes, bool]] = []

    async def take(self, hashed_key: bytes, rate: Rate, *, to_end: bool) -> float:
        self.asked.append((hashed_key, to_end))
        if self.is_away:
            raise StoreUnavailableError
        return self.buckets.take(hashed_key, rate, self.clock.steady())


class World:
    """Limits by one rule and more, and calls of two callers."""

    def __init__(self, *rules: RateRule) -> None:
        self.clock, self.telemetry = FakeClock(), RecordingTelemetry()
        self.shared = Shared(self.clock)
        self.limits = RateLimits(rules, self.shared, clock=self.clock, telemetry=self.telemetry)
        self.metering = Metering(self.limits, session_of={"token-a": "a", "token-b": "b"}.get)

    async def create(self, caller: str = "orders", **fields: Any) -> bool:
        return await self.is_taken(self.metering.created(messages.CreateSessionRequest(**fields), of(caller)))

    async def refresh(self, token: str, caller: str = "orders", **fields: Any) -> bool:
        request = messages.RefreshSessionRequest(refresh_token=token, **fields)
        return await self.is_taken(self.metering.refreshed(request, of(caller)))

    async def revoke(self, caller: str = "orders", **fields: Any) -> bool:
        return await self.is_taken(self.metering.revoked(messages.RevokeSessionRequest(**fields), of(caller)))

    async def is_taken(self, asked: Any) -> bool:
        try:
            await asked
        except RateLimitedError as refused:
            self.refused = refused
            return False
        return True


def of(caller: str) -> Call:
    return Call("Any", identified=Caller(caller, frozenset()))


def once(per: Per, *on: Activity) -> RateRule:
    return RateRule(frozenset(on), per, Rate(1, 60, burst=1))


async def test_without_rules_nothing_is_counted_and_no_store_asked() -> None:
    world = World()
    looked_at: list[str] = []
    world.metering = Metering(world.limits, session_of=looked_at.append)
    assert await world.create()
    assert await world.refresh("token-a")
    assert await world.revoke(refresh_token="token-a")
    assert world.shared.asked == []
    assert looked_at == []


async def test_each_caller_is_counted_by_itself() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH))
    assert await world.refresh("token-a")
    assert not await world.refresh("token-b")
    assert await world.refresh("token-a", caller="billing")
    assert await world.revoke(session_id="sds_a")


async def test_what_is_counted_together_has_one_bucket() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH, Activity.REVOKE))
    assert await world.refresh("token-a")
    assert not await world.revoke(session_id="sds_a")
    assert (world.refused.activity, world.refused.per) == (Activity.REVOKE, Per.CALLER)


async def test_what_is_counted_apart_has_a_bucket_each() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH), once(Per.CALLER, Activity.REVOKE))
    assert await world.refresh("token-a")
    assert await world.revoke(session_id="sds_a")


async def test_each_session_is_counted_by_itself_and_what_is_no_token_together() -> None:
    world = World(once(Per.SESSION, Activity.REFRESH))
    assert await world.refresh("token-a")
    assert await world.refresh("token-b")
    assert not await world.refresh("token-a")
    assert await world.refresh("forged")
    assert not await world.refresh("forged otherwise")


async def test_a_token_of_a_provider_belongs_to_no_session() -> None:
    world = World(once(Per.SESSION, Activity.REFRESH))
    for _ in range(2):
        assert await world.refresh("theirs", issuer=ISSUER)


PHONE, TABLET = session_pb2.Device(ip_address="192.0.2.1"), session_pb2.Device(ip_address="192.0.2.2")


@pytest.mark.parametrize(
    ("per", "one", "another"),
    [
        (Per.SOURCE, {"device": PHONE}, {"device": TABLET}),
        (
            Per.SUBJECT,
            {"local_login": messages.LocalLogin(subject="alice")},
            {"local_login": messages.LocalLogin(subject="bob")},
        ),
        (
            Per.TENANT,
            {"local_login": messages.LocalLogin(tenant_id="t1")},
            {"local_login": messages.LocalLogin(tenant_id="t2")},
        ),
    ],
)
async def test_what_a_login_says_is_counted(
    per: Per, one: Mapping[str, Any], another: Mapping[str, Any]
) -> None:
    world = World(once(per, Activity.CREATE))
    assert await world.create(**one)
    assert await world.create(**another)
    assert not await world.create(**one)
    # Whoever does not say it is not counted by it.
    for _ in range(2):
        assert await world.create()


async def test_refreshes_are_counted_by_their_source() -> None:
    world = World(once(Per.SOURCE, Activity.REFRESH))
    assert await world.refresh("token-a", device=PHONE)
    assert await world.refresh("token-b", device=TABLET)
    assert not await world.refresh("token-b", device=PHONE)


@pytest.mark.parametrize(
    ("per", "one", "another"),
    [
        (Per.SESSION, {"session_id": "sds_a"}, {"session_id": "sds_b"}),
        (Per.SESSION, {"refresh_token": "token-a"}, {"refresh_token": "token-b"}),
        (
            Per.SUBJECT,
            {"subject": messages.Subject(issuer=ISSUER, subject="a")},
            {"subject": messages.Subject(issuer="https://other", subject="a")},
        ),
        (
            Per.TENANT,
            {"tenant": messages.Tenant(issuer=ISSUER, tenant_id="t")},
            {"tenant": messages.Tenant(issuer=ISSUER, tenant_id="u")},
        ),
    ],
)
async def test_what_is_revoked_is_counted(
    per: Per, one: Mapping[str, Any], another: Mapping[str, Any]
) -> None:
    world = World(once(per, Activity.REVOKE))
    assert await world.revoke(**one)
    assert await world.revoke(**another)
    assert not await world.revoke(**one)
    assert await world.revoke(issuer=ISSUER)
    assert all(to_end for _, to_end in world.shared.asked)


async def test_a_rule_that_refuses_keeps_those_behind_it_from_counting() -> None:
    world = World(once(Per.SESSION, Activity.REFRESH), once(Per.CALLER, Activity.REFRESH))
    assert await world.refresh("token-a")
    asked = len(world.shared.asked)
    assert not await world.refresh("token-a")
    assert len(world.shared.asked) == asked + 1


async def test_another_rate_begins_anew() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH))
    await world.refresh("token-a")
    changed = RateRule(frozenset({Activity.REFRESH}), Per.CALLER, Rate(2, 60, burst=1))
    limits = RateLimits([changed], world.shared, clock=world.clock, telemetry=world.telemetry)
    world.metering = Metering(limits, session_of={}.get)
    assert await world.refresh("token-a")


async def test_while_the_store_is_away_each_server_counts_by_itself() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH))
    world.shared.is_away = True
    assert await world.refresh("token-a")
    assert not await world.refresh("token-a")
    world.clock.at += 60
    assert await world.refresh("token-a")


def test_rejected_tokens_are_counted_at_this_server_alone() -> None:
    world = World(once(Per.CALLER, Activity.FAILED_VALIDATION))
    world.metering.require_validations(0, of("orders"))
    world.metering.require_validations(3, of("orders"))
    world.metering.require_validations(0, of("orders"))
    with pytest.raises(RateLimitedError):
        world.metering.require_validations(1, of("orders"))
    world.metering.require_validations(1, of("billing"))
    assert world.shared.asked == []


async def test_a_refusal_says_what_is_limited_and_when_to_come_again() -> None:
    world = World(once(Per.CALLER, Activity.REFRESH))
    await world.refresh("token-a")
    await world.refresh("token-a")
    status = to_status(world.refused)
    assert status.reason == "RATE_LIMITED"
    assert dict(status.metadata) == {"activity": "refresh", "per": "caller", "rate": "1/m"}
    assert status.exhausted == ("caller", "refresh 1/m")
    assert status.retry_after_seconds is not None
    assert 60 <= status.retry_after_seconds <= 72
    assert world.telemetry.of("rate_limited") == [("refresh", "caller")]
