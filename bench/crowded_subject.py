"""How long a subject that has 10,000 sessions keeps the store from everybody else.

The store does one thing at a time: whatever a script for one subject takes, all others wait for.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.stored_sessions import running
from bench.table import Row
from tests.support.store import RULES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.store import Store

TITLE: Final = "A subject that has 10,000 sessions, and everybody else"
_SESSIONS: Final = 10_000
_AT_ONCE: Final = 32
_TIMES: Final = 20
_PAGE: Final = 100
_BUDGET: Final = "≤ 1"
# What takes less is not noted: to note each command within a script would take longer than the script.
_NOTED_US: Final = 50
_MOST_NOTED: Final = 100_000


async def run() -> list[Row]:
    """The longest script of each kind, by the store's own clock."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        async with running(Path(directory), rules=replace(RULES, max_per_subject=_SESSIONS)) as store:
            await store.redis.config_set("slowlog-log-slower-than", _NOTED_US)
            await store.redis.config_set("slowlog-max-len", _MOST_NOTED)
            sessions = [(await store.create())[0].session]
            turn = asyncio.Semaphore(_AT_ONCE)

            async def one() -> None:
                async with turn:
                    sessions.append((await store.create())[0].session)

            await asyncio.gather(*(one() for _ in range(_SESSIONS - 1)))
            steps: dict[str, Callable[[], Awaitable[object]]] = {
                "one more login, which ends the oldest session": store.create,
                "a page of its sessions": lambda: store.list(limit=_PAGE),
                "a logout of one of them": lambda: store.end(sessions.pop()),
            }
            rows = [await _row(store, name, step, _TIMES) for name, step in steps.items()]
            rows.append(await _row(store, "the end of all of them", store.end_subject, 1))
            return rows


async def _row(store: Store, name: str, step: Callable[[], Awaitable[object]], times: int) -> Row:
    await store.redis.slowlog_reset()
    for _ in range(times):
        await step()
    noted = await store.redis.slowlog_get(_MOST_NOTED)
    scripts = [entry["duration"] for entry in noted if entry["command"].startswith(b"EVAL")]
    longest = max(scripts, default=_NOTED_US)
    return Row(f"{name}: the longest script", longest / 1000, "ms", _BUDGET)
