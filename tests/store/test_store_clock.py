"""A store whose clock is not ours: it is seen in every reading of the log, and nothing expires by it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.app.readiness import Readiness
from sessiond_server.app.supervision import Supervision
from sessiond_server.service.revocation.clocks import STANDS_AFTER_SECONDS
from sessiond_server.service.revocation.housekeeping import HOUSEKEEPING_SECONDS
from tests.support.fakes import FakeClock, RecordingLogger, SilentLogger, SilentTelemetry
from tests.support.revocations import viewed
from tests.support.store import ENTRY_LIFE_MS, Store
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.service.revocation.follow import Revocations

EXPIRED_SECONDS = ENTRY_LIFE_MS / 1000 + 1


class Watch:
    """A server's view, its clock, and a store whose clock is moved."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.logger = store, FakeClock(), RecordingLogger()
        self.revocations = viewed(store, self.clock, logger=self.logger)
        self.housekeeping = self.revocations._housekeeping
        self.set(ahead=0)

    def set(self, *, ahead: float) -> None:
        """The store's clock is now so many seconds ahead of ours."""
        self.store.stop_at(round((self.clock.now() + ahead) * 1000))

    async def revoke_one(self) -> None:
        token = await self.store.open()
        await self.store.end(token.session)
        await self.revocations.catch_up(self.store.partition())

    async def trim(self) -> None:
        self.housekeeping._begin()
        self.housekeeping._forget_a_step()
        await self.housekeeping._trim_a_step()

    async def held(self) -> tuple[int, int]:
        """How many revocations the view has, and how many the log."""
        return len(self.revocations), await self.store.redis.xlen(self.store.key("log"))


@pytest.fixture
def watch(store: Store) -> Watch:
    return Watch(store)


@pytest.mark.parametrize(
    ("later", "ahead", "left"),
    [
        pytest.param(EXPIRED_SECONDS, 0.0, (0, 0), id="both say that it has expired"),
        pytest.param(EXPIRED_SECONDS, 0.6, (1, 1), id="the store is ahead"),
        pytest.param(EXPIRED_SECONDS, -0.6, (1, 1), id="the store is behind"),
        pytest.param(0.0, EXPIRED_SECONDS, (1, 1), id="the store alone says so"),
        pytest.param(EXPIRED_SECONDS - 0.8, -0.4, (1, 1), id="ours alone says so, by a hair"),
        pytest.param(EXPIRED_SECONDS, -EXPIRED_SECONDS, (1, 1), id="we alone say so"),
    ],
)
async def test_nothing_is_dropped_while_the_clocks_differ(
    watch: Watch, later: float, ahead: float, left: tuple[int, int]
) -> None:
    await watch.revoke_one()
    watch.clock.at += later
    watch.set(ahead=ahead)
    await watch.revocations.catch_up(watch.store.partition())
    await watch.trim()
    assert await watch.held() == left


async def test_nothing_is_dropped_by_a_clock_that_was_not_compared_lately(watch: Watch) -> None:
    await watch.revoke_one()
    watch.clock.at += EXPIRED_SECONDS
    watch.set(ahead=0)
    await watch.trim()
    assert await watch.held() == (1, 1)


async def test_trimming_stops_where_the_clocks_part(watch: Watch) -> None:
    await watch.revoke_one()
    watch.clock.at += EXPIRED_SECONDS
    watch.set(ahead=0)
    await watch.revocations.catch_up(watch.store.partition())
    watch.housekeeping._begin()
    watch.housekeeping._forget_a_step()
    watch.set(ahead=0.6)
    await watch.revocations.catch_up(watch.store.partition())
    await watch.housekeeping._trim_a_step()
    assert await watch.held() == (0, 1)


async def test_what_has_expired_goes_by_itself(watch: Watch) -> None:
    await watch.revoke_one()
    polling = asyncio.create_task(watch.revocations.poll(interval_seconds=0.001))
    watch.clock.at += max(EXPIRED_SECONDS, HOUSEKEEPING_SECONDS)
    watch.set(ahead=0)

    async def is_gone() -> bool:
        return await watch.held() == (0, 0)

    try:
        await eventually(is_gone)
    finally:
        polling.cancel()
        await asyncio.wait([polling])


async def test_a_jump_of_both_clocks_forgets_nothing(watch: Watch) -> None:
    """The server and its store are on one machine, whose clock is two days ahead for a minute."""
    await watch.revoke_one()
    watch.clock.at += STANDS_AFTER_SECONDS
    watch.set(ahead=0)
    await watch.revocations.catch_up(watch.store.partition())
    watch.clock.set_ahead = 2 * EXPIRED_SECONDS
    for _ in range(3):
        watch.clock.at += HOUSEKEEPING_SECONDS
        watch.set(ahead=0)
        await watch.revocations.catch_up(watch.store.partition())
        await watch.trim()
    assert await watch.held() == (1, 1)
    assert watch.logger.lines == []


def readiness(revocations: Revocations) -> Readiness:
    writes = SimpleNamespace(refused_for=None)
    app = SimpleNamespace(
        revocations=revocations,
        clocks=revocations._clocks,
        stores=SimpleNamespace(writes=writes),
        issuers=(),
        workload_issuers=(),
        has_other_callers=True,
        local_issuer=object(),
    )
    supervision = Supervision(clock=FakeClock(), telemetry=SilentTelemetry(), logger=SilentLogger())
    found = Readiness(app, supervision)
    found.store_faults = []
    return found


async def test_a_server_whose_clock_is_far_from_the_stores_is_not_ready(watch: Watch) -> None:
    """The clock skew that these issuers are allowed is two seconds."""
    ready = readiness(watch.revocations)
    for ahead, reasons in (
        (0.0, []),
        (1.5, []),
        (-3.25, ["the clocks of this server and the store differ by 3.2 s"]),
        (3600.0, ["the clocks of this server and the store differ by 3600.0 s"]),
        (0.2, []),
    ):
        watch.set(ahead=ahead)
        await watch.revocations.catch_up(watch.store.partition())
        assert ready.not_ready_reasons() == reasons
    assert watch.logger.levels == ["warning", "info"]
