"""What clients cost: an answer from memory, an acceptance that is kept, and validations that go together.

The programs of all languages take turns, on the core that makes the load elsewhere. A ratio is the median of
those of the rounds.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.clients import hits, together
from bench.clients.programs import Language, Program, languages, started
from bench.clients.tokens import Kind, make
from bench.servers import ROOT, sessiond
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.servers import Sessiond

TITLE: Final = "The clients: answers from memory, what is kept, and validations that go together"
_CALLERS: Final = (1, 16, 128)
_TOKENS_A_CALLER: Final = 8
# On a machine with much else to do, which delays heartbeats, everything is answered from memory all the same.
_PATIENT: Final = {
    "SESSIOND_SESSIONS_ACCESS_LIFETIME": "1h",
    "SESSIOND_REVOCATION_MAX_STALENESS": "30s",
    "SESSIOND_REVOCATION_WATCHED_CACHE": "5m",
}


async def run() -> list[Row]:
    """Medians over the rounds."""
    rows = [
        Row("load of the machine before: processes that run, on average of a minute", os.getloadavg()[0], "")
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        found = await languages(Path(directory))
        async with sessiond(ROOT, **_PATIENT) as server:
            for kind in Kind:
                async with AsyncExitStack() as stack:
                    rows += await hits.measure(await _all(stack, found, server, kind, kind.count), kind)
            async with AsyncExitStack() as stack:
                programs = await _all(stack, found, server, Kind.OWN, max(_CALLERS) * _TOKENS_A_CALLER)
                # The most first: compilers that work while a program runs come to rest by many calls.
                crowds = [
                    await together.measure(programs, server, callers)
                    for callers in sorted(_CALLERS, reverse=True)
                ]
    return rows + [row for crowd in reversed(crowds) for row in crowd]


async def _all(
    stack: AsyncExitStack, found: Sequence[Language], server: Sessiond, kind: Kind, count: int
) -> list[Program]:
    """The programs of all languages, about new tokens."""
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
    tokens = await make(server, kind, count, Path(directory, "tokens"))
    return [
        await stack.enter_async_context(started(language, server.target.address, tokens))
        for language in found
    ]
