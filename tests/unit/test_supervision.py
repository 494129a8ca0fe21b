"""The work beside the calls: none of it ends unseen, and what keeps failing is known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.app.readiness import Readiness
from sessiond_server.app.supervision import Supervision
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from sessiond_server.app.supervision import Work

SECRET = "telling-token"
NAME = "fetch keys of https://id.example"


@dataclass
class Supervised:
    """A supervision whose pauses end at once, and what it did."""

    clock: FakeClock = field(default_factory=FakeClock)
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    telemetry: RecordingTelemetry = field(default_factory=RecordingTelemetry)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervision = Supervision(
            clock=self.clock, telemetry=self.telemetry, logger=self.logger, sleep=self._sleep
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.at += seconds
        await asyncio.sleep(0)

    @property
    def failures(self) -> list[str]:
        said = self.logger.said("work in the background failed, it begins again")
        assert all(line["work"] == NAME for line in said)
        assert self.telemetry.of("work_failed") == [(NAME,)] * len(said)
        return [line["failure"] for line in said]

    async def run(self, work: Work, *, until: asyncio.Event) -> None:
        async with self.supervision.running(NAME, work), asyncio.timeout(5):
            await until.wait()


@pytest.fixture
def supervised() -> Supervised:
    return Supervised()


async def raise_something() -> None:
    raise ValueError(SECRET)


async def return_early() -> None:
    return


async def wait_for_what_was_cancelled() -> None:
    waited_for = asyncio.get_running_loop().create_future()
    waited_for.cancel()
    await waited_for


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        (raise_something, "ValueError"),
        (return_early, "none"),
        (wait_for_what_was_cancelled, "CancelledError"),
    ],
)
async def test_work_that_ends_is_told_counted_and_begun_again(
    supervised: Supervised, end: Work, failure: str
) -> None:
    begun, again = 0, asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun > 1:
            again.set()
            await asyncio.Event().wait()
        await end()

    await supervised.run(work, until=again)
    assert supervised.failures == [failure]
    assert SECRET not in str(supervised.logger.lines)
    assert supervised.supervision.failing == []


async def test_the_pauses_grow_to_a_minute_and_are_short_again_after_a_good_while(
    supervised: Supervised,
) -> None:
    begun, over = 0, asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 10:
            supervised.clock.at += 60
        if begun > 10:
            over.set()
            await asyncio.Event().wait()
        raise ValueError

    await supervised.run(work, until=over)
    assert supervised.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1]


async def test_work_that_fails_again_and_again_is_known_until_it_has_gone_well_for_a_minute(
    supervised: Supervised,
) -> None:
    begun, third = 0, asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ValueError
        third.set()
        await asyncio.Event().wait()

    await supervised.run(work, until=third)
    ready = Readiness(app_that_is_well(), supervised.supervision)
    assert ready.remarks() == [f"fails again and again: {NAME}"]
    supervised.clock.at += 59
    assert supervised.supervision.failing == [NAME]
    supervised.clock.at += 1
    assert ready.remarks() == []


def app_that_is_well() -> Any:
    stores = SimpleNamespace(writes=SimpleNamespace(refused_for=None))
    revocations = SimpleNamespace(stale_partitions=0)
    return SimpleNamespace(
        stores=stores, revocations=revocations, answers_when_stale=False, workload_issuers=()
    )


async def test_work_that_loses_a_cancellation_is_cancelled_again(supervised: Supervised) -> None:
    begun, lost = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await supervised.run(work, until=begun)
    await eventually(lost.is_set)
    assert supervised.failures == []
