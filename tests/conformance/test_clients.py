"""The Python clients conform: each case is a test, over asyncio's client and over the blocking one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import Case, load
from tests.conformance.stage import Stage
from tests.conformance.trial import differences_of
from tests.conformance.vocabulary import FEATURES, GROUPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TESTEE = Path(__file__).parents[2] / "clients" / "python" / "conformance"
# What each testee does not carry out so far; whatever else is skipped is a mistake.
MISSING_GROUPS: set[str] = set()
MISSING_FEATURES = {
    "asyncio": {"ready", "tls_reload"},
    "blocking": {"cancel", "ready", "tls_reload"},
}


@pytest.fixture(scope="session", params=["asyncio", "blocking"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    arguments = ["--blocking"] if request.param == "blocking" else []
    async with Stage(shlex.join([sys.executable, str(TESTEE), *arguments])) as stage:
        yield stage


@pytest.mark.parametrize("case", load(), ids=str)
async def test_the_client_conforms(case: Case, stage: Stage) -> None:
    if why := case.why_skipped(await stage.testee()):
        pytest.skip(why)
    found = await differences_of(case, stage)
    assert not found, "\n".join([str(case), *found])


async def test_no_more_is_skipped_than_is_known_to_be_missing(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    testee = await stage.testee()
    name = "blocking" if "blocking" in request.node.name else "asyncio"
    assert set(GROUPS) - set(testee.groups) == MISSING_GROUPS
    assert set(FEATURES) - set(testee.features) == MISSING_FEATURES[name]
