"""The model of sessions finds each bug that is put into the product, so that it would find others too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.session_model.bugs import BUGS
from tests.support.session_model.machine import Sessions
from tests.support.session_model.stage import Stage, running_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUNS: Final = 200
STEPS_OF_A_RUN: Final = 50
# These are found at once, in every run of the tests.
SOON: Final = {"tokens without a tag", "newest pepper on a replay"}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("b")) as found:
        yield found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SOON else pytest.mark.long) for name in BUGS]
)
def test_a_bug_is_found(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = BUGS[name]
    for owner, function, instead in bug.functions:
        monkeypatch.setattr(owner, function, instead)
    machine = type("Sessions", (Sessions,), {"stage": stage, "changes": bug.scripts})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS_OF_A_RUN,
                phases=[Phase.generate],
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
            ),
        )
