"""How many examples of a property are tried: `make fuzz` tries many times as many."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """So many by default."""
    return number * int(os.environ.get("EXAMPLES", "1"))
