"""Results as a table to read and a file to keep."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, how much it is, and in which unit.

    `budget` is what it should be at most or at least.
    """

    what: str
    value: float
    unit: str
    budget: str = ""


def show(title: str, rows: list[Row]) -> None:
    """Print the rows under their title."""
    width = max((len(row.what) for row in rows), default=0)
    lines = (
        f"  {row.what:<{width}}  {row.value:>12,.1f} {row.unit:<7} {row.budget}".rstrip() for row in rows
    )
    sys.stdout.write("\n".join([f"\n{title}", *lines, ""]))
    sys.stdout.flush()


def keep(scenario: str, rows: list[Row]) -> Path:
    """Write the rows, with what they were measured on; the result is the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{scenario}.json"
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }
    measured = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **machine,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(measured, indent=2) + "\n")
    return path


def processor() -> str:
    """What the kernel calls the first processor; the architecture where it has no name for it: proc(5)."""
    about = Path("/proc/cpuinfo")
    fields = [line.partition(":") for line in about.read_text().splitlines()] if about.exists() else []
    names = (value.strip() for name, _, value in fields if name.strip() == "model name")
    return next(names, platform.machine())
