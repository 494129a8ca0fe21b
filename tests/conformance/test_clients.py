"""The clients conform: each case is a test, over both Python clients, and Go's where its toolchain is."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import Case, load
from tests.conformance.stage import Stage
from tests.conformance.trial import differences_of
from tests.conformance.vocabulary import FEATURES, GROUPS
from tests.support.go_programs import build, shared_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLIENTS = Path(__file__).parents[2] / "clients"
# What each testee does not have; whatever else is skipped is a mistake.
MISSING_FEATURES: dict[str, set[str]] = {
    "asyncio": set(),
    "blocking": {"cancel"},
    "go": set(),
}


@pytest.fixture(
    scope="session",
    params=["asyncio", *(pytest.param(one, marks=pytest.mark.slow) for one in ("blocking", "go"))],
)
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with Stage(started_by(request.param, shared_directory(tmp_path_factory))) as stage:
        yield stage


def started_by(client: str, folder: Path) -> str:
    """What starts a client's testee, which may have to be built."""
    if client == "go":
        if not shutil.which("go"):
            pytest.skip("go is not here")
        return shlex.quote(str(build(folder, "testee", "./conformance", module=CLIENTS / "go")))
    arguments = ["--blocking"] if client == "blocking" else []
    return shlex.join([sys.executable, str(CLIENTS / "python" / "conformance"), *arguments])


@pytest.mark.parametrize("case", load(), ids=str)
async def test_the_client_conforms(case: Case, stage: Stage) -> None:
    if why := case.why_skipped(await stage.testee()):
        pytest.skip(why)
    found = await differences_of(case, stage)
    assert not found, "\n".join([str(case), *found])


@pytest.mark.long
@pytest.mark.parametrize("arguments", ["--http fastapi", "--http django", "--blocking --http django"])
async def test_the_other_middleware_of_python_conforms(arguments: str) -> None:
    started_by = [sys.executable, str(CLIENTS / "python" / "conformance"), *arguments.split()]
    async with Stage(shlex.join(started_by)) as stage:
        for case in (one for one in load() if one.group in {"http", "browser"}):
            assert not case.why_skipped(await stage.testee())
            found = await differences_of(case, stage)
            assert not found, "\n".join([str(case), *found])


async def test_no_more_is_skipped_than_is_known_to_be_missing(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    testee = await stage.testee()
    (name,) = (name for name in MISSING_FEATURES if f"[{name}]" in request.node.name)
    assert set(GROUPS) == set(testee.groups)
    assert set(FEATURES) - set(testee.features) == MISSING_FEATURES[name]
