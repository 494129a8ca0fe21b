"""What an answer from the TypeScript client's memory costs."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

from bench.table import Row

TITLE: Final = "The TypeScript client: answers from memory"
_PROGRAM: Final = Path(__file__).parent.parent / "clients" / "typescript" / "build" / "bench" / "hit.js"
_ENTRIES: Final = (1, 10_000)
_ROWS: Final = {
    "SHA-256": ("of it: SHA-256 of the token", ""),
    "peek": ("a hit, without a promise", "≤ 2"),
    "await validate": ("a hit", ""),
}
_LINE: Final = re.compile(r"^(.+?)\s+([\d.]+) µs, ([\d.]+) . the digest$", re.MULTILINE)


async def run() -> list[Row]:
    """CPU time of the process, the best of several rounds; the ratio to SHA-256 is of the same process."""
    if not _PROGRAM.exists():
        sys.stderr.write("typescript-client: it is not built: make clients\n")
        return []
    rows = []
    for entries in _ENTRIES:
        process = await asyncio.create_subprocess_exec(
            "node", str(_PROGRAM), str(entries), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        for name, took, ratio in _LINE.findall(said.decode()):
            what, budget = _ROWS[name]
            what = f"{what}, among {entries:,}"
            rows.append(Row(what, float(took), "µs"))
            if name != "SHA-256":
                rows.append(Row(f"{what}, to SHA-256 of the token", float(ratio), "times", budget))
    return rows
