"""Takes each protection of the clients away, one at a time, and sees that the suite and the tests notice.

    python -m tools.check_protections                        # all, in every language whose toolchain is here
    python -m tools.check_protections anchor reset --language python

Each client's `conformance/protections.json` says what they are. Before anything is taken away, everything
that has to be red without it is seen green.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.protections.clients import BY_LANGUAGE, BrokenError, Client
from tools.protections.declared import LANGUAGES, Protection, load, without
from tools.protections.noticing import red_cases, red_tests

RED: Final = "red"
ABSENT: Final = "absent"
NOT_NOTICED: Final = "NOT NOTICED"
NOT_KNOWN: Final = "NOT KNOWN"


def main() -> int:
    """1 where a protection is missing and nothing notices, or where that cannot be said."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="only this; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many at once (default: 2)")
    wanted = parser.parse_args()
    outcomes: dict[str, Mapping[str, str]] = {}
    for language in wanted.language or LANGUAGES:
        protections = [one for one in load(language) if not wanted.names or one.name in wanted.names]
        if lacking := [tool for tool in BY_LANGUAGE[language].tools if not shutil.which(tool)]:
            print(f"skipped {language}: {' and '.join(lacking)} is not here", flush=True)
        elif protections:
            outcomes[language] = asyncio.run(outcomes_of(language, protections, wanted.jobs))
    print(table(outcomes))
    bad = {NOT_NOTICED, NOT_KNOWN}
    return int(any(bad & set(found.values()) for found in outcomes.values()))


async def outcomes_of(language: str, protections: Sequence[Protection], jobs: int) -> Mapping[str, str]:
    """What comes of each protection, by its name; of all the same where the client itself is broken."""
    client = BY_LANGUAGE[language]
    try:
        if any(one.lines for one in protections):
            await asyncio.to_thread(client.build)
            await require_green(client, protections)
            print(f"{language}: as it is, everything is green", flush=True)
    except BrokenError as error:
        print(f"{language}: {error}", flush=True)
        return dict.fromkeys((one.name for one in protections), NOT_KNOWN)
    turns = asyncio.Semaphore(jobs)

    async def outcome_of(one: Protection) -> str:
        async with turns:
            began = time.monotonic()
            outcome, why = await tried(one, client)
            seconds = f", {time.monotonic() - began:.0f} s" if one.lines else ""
            print(f"{language}: {one.name}: {outcome} ({why}{seconds})", flush=True)
            return outcome

    found = await asyncio.gather(*map(outcome_of, protections))
    return dict(zip((one.name for one in protections), found, strict=True))


async def tried(protection: Protection, client: Client) -> tuple[str, str]:
    """What comes of a protection, and why."""
    if protection.absent:
        return ABSENT, protection.absent
    try:
        silent = await silent_without(protection, client)
    except BrokenError as error:
        return NOT_KNOWN, str(error)
    if silent:
        return NOT_NOTICED, f"by {', '.join(silent)}"
    return RED, ", ".join((*protection.suite, *protection.cases, *protection.tests))


async def require_green(client: Client, protections: Sequence[Protection]) -> None:
    """Raise `BrokenError` for what is red although nothing is missing: it would notice nothing."""
    suite, cases, tests = (
        sorted({one for protection in protections for one in getattr(protection, member)})
        for member in ("suite", "cases", "tests")
    )
    with tempfile.TemporaryDirectory(prefix="protections-") as folder:
        variant = await asyncio.to_thread(client.vary, {}, Path(folder))
        red = [
            case for command in variant.testees.values() for case in await red_cases(suite, cases, command)
        ]
        red += await red_tests(tests, variant)
    if red:
        raise BrokenError(f"red although nothing is missing: {', '.join(red)}")


async def silent_without(protection: Protection, client: Client) -> list[str]:
    """What notices nothing, of all that should."""
    silent = []
    with tempfile.TemporaryDirectory(prefix="protections-") as folder:
        variant = await asyncio.to_thread(client.vary, without(protection, client.folder), Path(folder))
        for name, command in variant.testees.items():
            red = await red_cases(protection.suite, protection.cases, command)
            silent += [
                f"{name}: {wanted}"
                for wanted in (*protection.suite, *protection.cases)
                if not any(case == wanted or case.startswith(f"{wanted}: ") for case in red)
            ]
        red = await red_tests(protection.tests, variant)
    return silent + [test for test in protection.tests if test not in red]


def table(outcomes: Mapping[str, Mapping[str, str]]) -> str:
    """A row for each protection, a column for each language."""
    names = list(dict.fromkeys(name for found in outcomes.values() for name in found))
    rows = [["protection", *outcomes], *([name, *_row(name, outcomes)] for name in names)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(name: str, outcomes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    return (found.get(name, "-") for found in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
