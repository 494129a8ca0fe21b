"""What a look at a configuration finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it works (None where that cannot be told), and what was seen."""

    what: str
    works: bool | None
    seen: str
