"""Findings for a terminal: tables, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 160


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text."""
    drawn = Table(*columns)
    for row in rows:
        drawn.add_row(*map(Text, row))
    console = Console(width=_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().rstrip()


def counted(number: int, what: str) -> str:
    """So many of something, as a sentence has it."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def moment(time: datetime | None) -> str:
    """A time to the second; empty where there is none."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ") if time else ""
