"""What an answer from the Go client's memory costs."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Final

from bench.table import Row

TITLE: Final = "The Go client: answers from memory"
_CLIENT: Final = Path(__file__).parent.parent / "clients" / "go"
_ROUNDS: Final = 7
_BENCHMARKS: Final = {
    "Hit/500/1": ("a hit, 500 bytes", "≤ 0.5"),
    "Hit/500/10000": ("the same among 10,000", ""),
    "Hit/800/1": ("a hit, 800 bytes", "≤ 0.7"),
    "Hit/800/10000": ("the same among 10,000", ""),
    "Digest/500": ("of it: SHA-256 of 500 bytes", ""),
    "Digest/800": ("of it: SHA-256 of 800 bytes", ""),
    "Copy": ("of it: a session of the caller's own", ""),
}
_LINE: Final = re.compile(r"^Benchmark(\S+?)(?:-\d+)?\s.*?([\d.]+) cpu-ns/op", re.MULTILINE)


async def run() -> list[Row]:
    """Medians over the rounds, of CPU time."""
    if not shutil.which("go"):
        sys.stderr.write("go-client: go is not here\n")
        return []
    command = ["go", "test", "./sessiond", "-run", "^$", "-bench", "Hit/|Digest|Copy", "-cpu", "1"]
    process = await asyncio.create_subprocess_exec(
        *command, f"-count={_ROUNDS}", "-benchtime=200ms", cwd=_CLIENT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    found: dict[str, list[float]] = {}
    for name, nanoseconds in _LINE.findall(said.decode()):
        found.setdefault(name, []).append(float(nanoseconds) / 1e3)
    return [Row(what, median(found[name]), "µs", budget) for name, (what, budget) in _BENCHMARKS.items()]
