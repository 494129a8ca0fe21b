"""A server that stood still while it was given a lease sends nothing to the provider when it wakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.session_model.adopted import Adopted, Adopting
from tests.support.session_model.driver import Driver
from tests.support.session_model.families import LEASE_MS, Presented
from tests.support.session_model.stage import CALLERS, Stage, running_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DEVICE = (CALLERS[0], "phone")


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("f")) as found:
        yield found


@pytest.fixture
def driver(stage: Stage) -> Iterator[Driver]:
    found = Driver(stage)
    yield found
    found.close()


def wakes_behind_another(driver: Driver) -> None:
    """The lease runs out, and whatever was held back goes on when all is over elsewhere."""
    assert driver.witness.violations == []
    driver.do(driver.come_to_rest())
    assert driver.witness.violations == []
    assert driver.do(driver.world.provider.lost()) == []


def test_with_a_refresh(driver: Driver) -> None:
    one, other = driver.world.servers
    driver.do(driver.open(one, is_provider=True))
    (family,) = driver.witness.families.values()
    presented = Presented(family, 0, DEVICE)
    driver.do(driver.refresh(presented, [one], {"rotate": "freeze"}))
    driver.do(driver.wait(LEASE_MS))
    driver.do(driver.refresh(presented, [other], {}))
    assert family.generation == 1
    wakes_behind_another(driver)


def test_with_an_adoption(driver: Driver) -> None:
    one, other = driver.world.servers
    given = driver.do(driver.world.provider.login("alice"))
    adopted = Adopted(given["refresh_token"], "alice")
    driver.do(driver.adopt(Adopting(adopted, DEVICE), [one], {"adopt": "freeze"}))
    # The right to exchange is gone when its time is over, and not at that very moment.
    driver.do(driver.wait(LEASE_MS + 1))
    driver.do(driver.adopt(Adopting(adopted, DEVICE), [other], {}))
    assert adopted.first
    wakes_behind_another(driver)
