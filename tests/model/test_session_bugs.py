"""The model of sessions finds each bug that is put into the product, so that it would find others too."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.session_model.bugs import BUGS
from tests.support.session_model.driver import Driver
from tests.support.session_model.findings import FINDINGS
from tests.support.session_model.machine import Sessions
from tests.support.session_model.scene import play
from tests.support.session_model.stage import Stage, running_stage
from tests.support.session_model.store_clock import clocked_sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tests.support.session_model.scene import Scene

RUNS: Final = 100
STEPS_OF_A_RUN: Final = 50


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("b")) as found:
        yield found


def put_in(name: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, tuple[str, str]]:
    """What of the bug must be changed in the scripts; the rest is changed already."""
    for owner, function, instead in BUGS[name].functions:
        monkeypatch.setattr(owner, function, instead)
    return BUGS[name].scripts


def test_each_bug_has_a_scene_in_which_it_is_found() -> None:
    assert FINDINGS.keys() == BUGS.keys()


@pytest.mark.parametrize("text", ["no such text", "return"], ids=["not there", "there more than once"])
def test_what_cannot_be_put_in_is_not_taken_for_what_is_not_found(text: str) -> None:
    with pytest.raises(LookupError):
        clocked_sources({"rotate": (text, "")})


def happens(scene: Callable[[Scene], None], driver: Driver) -> None:
    """All of it, until nothing is held back any more."""
    with closing(driver):
        play(scene, driver)
        driver.finish()


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_found_in_its_scene(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(stage, put_in(name, monkeypatch))
    with pytest.raises(AssertionError, match=FINDINGS[name].complaint):
        happens(FINDINGS[name].scene, driver)


@pytest.mark.long
@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_found_in_the_middle_of_everything_else(
    name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = FINDINGS[name]
    changed = {"stage": stage, "changes": put_in(name, monkeypatch), "scenes": (found.scene,)}
    with pytest.raises(AssertionError, match=found.complaint):
        run_state_machine_as_test(
            type("Sessions", (Sessions,), changed),
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS_OF_A_RUN,
                phases=[Phase.generate],
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
            ),
        )
