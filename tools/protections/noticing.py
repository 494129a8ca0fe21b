"""Which cases of the suite, and which tests of a client's own, are red for a variant of the client."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from typing import Final

from tests.conformance.cases import Case, load
from tests.conformance.stage import Stage
from tests.conformance.testee import TesteeError
from tests.conformance.trial import differences_of
from tools.protections.clients import BrokenError, Variant

_FAILED: Final = 1


async def red_cases(groups: Sequence[str], names: Sequence[str], command: str) -> list[str]:
    """The cases that fail for the testee that a command starts: of those named, and one of each group.

    Raises:
        BrokenError: the testee cannot be started.
    """
    wanted = [case for case in load() if case.group in groups or str(case) in names]
    red: list[str] = []
    if not wanted:
        return red
    try:
        async with Stage(command) as stage:
            for case in wanted:
                is_enough = str(case) not in names and any(one.startswith(f"{case.group}: ") for one in red)
                if not is_enough and await _is_red(case, stage):
                    red.append(str(case))
    except (TesteeError, TimeoutError) as error:
        raise BrokenError(f"the testee does not start: {error}") from error
    return red


async def _is_red(case: Case, stage: Stage) -> bool:
    return not await stage.why_skipped(case) and bool(await differences_of(case, stage))


async def red_tests(tests: Sequence[str], variant: Variant) -> list[str]:
    """Those of a client's own tests that fail."""
    return [test for test in tests if await _fails(variant.test(test), variant)]


async def _fails(command: Sequence[str], variant: Variant) -> bool:
    run = await asyncio.create_subprocess_exec(
        *command,
        cwd=variant.folder,
        env={**os.environ, **variant.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = (await run.communicate())[0].decode(errors="replace")
    # go says by the same status that it could not build a test.
    if run.returncode not in {0, _FAILED} or "[build failed]" in said:
        raise BrokenError(f"{' '.join(command[-2:])} does not run:\n{said}")
    return run.returncode == _FAILED
