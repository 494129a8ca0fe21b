"""Sessions under everything that can happen to servers, store, provider and clocks, against a model of them.

What the model expects of each command that the store carries out, and of each answer, follows from
docs/rotation.md; the invariants of sessions are looked at after each step.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.session_model.driver import Driver
from tests.support.session_model.findings import SCENES
from tests.support.session_model.machine import Sessions
from tests.support.session_model.scene import play
from tests.support.session_model.stage import Stage, running_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STEPS_OF_A_RUN: Final = 50
# By default as many as take some seconds; `make test-deep` takes more.
STEPS: Final = int(os.environ.get("STEPS", "450"))


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("s")) as found:
        yield found


@pytest.mark.slow
def test_no_promise_is_broken_in_the_scenes_that_find_bugs(stage: Stage) -> None:
    with closing(Driver(stage)) as driver:
        for scene in SCENES:
            play(scene, driver)
        driver.finish()


@pytest.mark.slow
def test_whatever_happens_sessions_keep_their_promises(stage: Stage) -> None:
    """The test is synchronous, because the machine runs an event loop of its own."""
    machine = type("Sessions", (Sessions,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=STEPS // STEPS_OF_A_RUN, stateful_step_count=STEPS_OF_A_RUN),
    )
