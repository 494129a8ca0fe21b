"""The clients conform through `sessiond-agent` too: in front of them as their server, and as a relay."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.agent.ways import WAYS, Difference, Through, cases_of, differences_in
from tests.conformance.shapes import MalformedCaseError
from tests.conformance.stage import Stage
from tests.conformance.test_clients import started_by
from tests.conformance.trial import differences_of
from tests.support import agent as agents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conformance.cases import Case

pytestmark = pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING)

# Whose cache is the agent's, and whose stands behind one.
TESTEES = {"server": "asyncio", "relay": "go", "link": "asyncio"}
# One of each kind; `make test-through-agent` runs all.
ALWAYS = {
    "verdicts: an acceptance has every field",
    "errors: OVERLOADED is unavailable",
    "deadlines: a question has one second, and so has a revocation",
    "retries: a refresh is repeated with the same bytes, after the delay that was told",
    "batches: each token has a verdict of its own",
    "connection: a certificate shows who calls",
    "live: a refresh rotates, and the same token gets the same successor within the grace",
    "cache: two clients with two keys share nothing",
    "watch: a revocation ends what is kept: session",
    "watch: what was revoked while there was no stream is learnt by the next",
    "flights: a call from before one's own revocation is not joined",
    "watch: refused within max_staleness: the link between client and agent is cut",
}


def every() -> Iterator[Any]:
    for way in WAYS:
        for case in cases_of(way):
            marks = () if str(case) in ALWAYS else (pytest.mark.long,)
            yield pytest.param(way, case, marks=marks, id=f"{way}-{case}")


@pytest.fixture(scope="session")
async def stages(
    agent_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Stage]]:
    folder = tmp_path_factory.mktemp("testees")
    async with AsyncExitStack() as stack:
        yield {
            way: await stack.enter_async_context(
                Stage(started_by(client, folder), Through(agent_binary, way))
            )
            for way, client in TESTEES.items()
        }


@pytest.mark.parametrize(("way", "case"), list(every()))
async def test_the_client_conforms_through_an_agent(way: str, case: Case, stages: dict[str, Stage]) -> None:
    stage = stages[way]
    if why := await stage.why_skipped(case):
        pytest.skip(why)
    found = await differences_of(case, stage)
    assert not found, "\n".join([f"{way}: {case}", *found])


@pytest.mark.parametrize(
    ("listed", "refused"),
    [
        (
            'why = "w"\ncases = {"errors: nothing" = []}',
            "found 'errors: nothing', allowed is the name of a case",
        ),
        ("cases = {}", "differences[0].why: found nothing, but it is required"),
    ],
)
def test_a_difference_of_nothing_is_refused(listed: str, refused: str, tmp_path: Path) -> None:
    file = tmp_path / "differences.toml"
    file.write_text(f'[[differences]]\nways = ["server"]\n{listed}\n')
    with pytest.raises(MalformedCaseError) as raised:
        differences_in("server", file)
    assert refused in str(raised.value)


def test_a_difference_that_is_none_is_found_and_so_is_another() -> None:
    listed = Difference("why", ["calls[1].timeout"])
    assert listed.beyond(["calls[1].timeout: expected 1, found 5"]) == []
    assert listed.beyond(["calls.total: expected 1"]) == [
        "calls.total: expected 1",
        "the difference that is listed is none: calls[1].timeout",
    ]


def test_what_always_runs_are_cases() -> None:
    assert {str(case) for case in cases_of("relay")} >= ALWAYS


@pytest.mark.parametrize("way", WAYS)
def test_the_numbers_of_the_readme_are_those_of_the_table(way: str) -> None:
    differences = differences_in(way).values()
    differ = sum(bool(one.found) for one in differences)
    row = f"| `{way}` | {len(cases_of(way))} | {differ} | {len(differences) - differ} |"
    assert row in (Path(__file__).parent / "README.md").read_text(encoding="utf-8").splitlines()
