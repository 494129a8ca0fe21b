"""`python -m tests.conformance --testee COMMAND`: run the suite over the client of a testee."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.agent.ways import WAYS, Through, cases_of
from tests.conformance.cases import load
from tests.conformance.shapes import MalformedCaseError
from tests.conformance.stage import Stage
from tests.conformance.testee import TesteeError
from tests.conformance.trial import differences_of
from tests.conformance.vocabulary import GROUPS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.conformance.cases import Case

_FAILED = 1
_NOT_RUN = 2


def main() -> int:
    """0 where every case passed that was run, 1 where one failed, 2 where none was run.

    With `--strict` one that is skipped fails, unless its name is allowed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Run the cases of tests/conformance over a client: see README.md there.",
        epilog='for example: --testee "python clients/python/conformance" --group retries',
    )
    parser.add_argument("--testee", required=True, metavar="COMMAND", help="what starts the testee")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only this group; may be repeated")
    parser.add_argument(
        "--case",
        action="append",
        metavar="TEXT",
        help="only cases whose name has this text in it; may be repeated",
    )
    parser.add_argument("--agent", type=Path, metavar="PROGRAM", help="what stands in front of servers")
    parser.add_argument("--way", choices=WAYS, default="relay", help="how: see README.md (default: relay)")
    parser.add_argument("--strict", action="store_true", help="a case that is skipped has failed")
    parser.add_argument(
        "--may-skip",
        action="append",
        default=[],
        metavar="NAME",
        help="with --strict: this case may be skipped; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases, and run none")
    wanted = parser.parse_args()
    through = Through(wanted.agent.resolve(), wanted.way) if wanted.agent else None
    try:
        cases = [
            case
            for case in (cases_of(through.way) if through else load())
            if (not wanted.group or case.group in wanted.group)
            and (not wanted.case or any(text in case.name for text in wanted.case))
        ]
        if wanted.list:
            print(*cases, sep="\n")
            return 0
        if not cases:
            parser.error("--group and --case: no case is left to run")
        may_skip = wanted.may_skip if wanted.strict else [case.name for case in cases]
        return asyncio.run(_run(cases, wanted.testee, through, may_skip))
    except (MalformedCaseError, TesteeError, OSError) as error:
        print(error, file=sys.stderr)
        return _NOT_RUN


async def _run(
    cases: Sequence[Case], command: str, through: Through | None, may_skip: Collection[str]
) -> int:
    began = time.monotonic()
    total: Counter[str] = Counter()
    async with Stage(command, through) as stage:
        way = f", through an agent: {through.way}" if through else ""
        print(f"testee: {(await stage.testee()).name}{way}", flush=True)
        for group in GROUPS:
            of_group = [case for case in cases if case.group == group]
            if of_group:
                total += await _run_group(group, of_group, stage, may_skip)
    print(f"{_counted(total)} in {time.monotonic() - began:.1f} s")
    if total["failed"]:
        return _FAILED
    return 0 if total["passed"] else _NOT_RUN


async def _run_group(
    group: str, cases: Sequence[Case], stage: Stage, may_skip: Collection[str]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for case in cases:
        why = await stage.why_skipped(case)
        found = [] if why else await differences_of(case, stage)
        if why and case.name not in may_skip:
            why, found = "", [f"it is skipped: {why}"]
        differs = stage.through.why_differing(case) if stage.through else ""
        outcome = "skipped" if why else "failed" if found else "differing" if differs else "passed"
        counts[outcome] += 1
        if found:
            lines += [f"  FAILED: {case.name}", *(f"    {line}" for line in found)]
        elif outcome != "passed":
            lines.append(f"  {outcome}: {case.name}: {why or differs}")
    print("\n".join([f"{group}: {_counted(counts)}", *lines]), flush=True)
    return counts


def _counted(counts: Counter[str]) -> str:
    return ", ".join(
        f"{counts[name]} {name}" for name in ("passed", "failed", "differing", "skipped") if counts[name]
    )


if __name__ == "__main__":
    sys.exit(main())
