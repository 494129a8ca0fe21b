"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from typing import Final

_FIRST_SECONDS: Final = 1.0
# What is beyond it is longer than any pause, and would one day be too large a number.
_MOST_DOUBLINGS: Final = 10


def backoff_seconds(failures: int, *, longest_seconds: float) -> float:
    """A second after the first of `failures` in a row, then twice as long each time, up to the longest."""
    doubled: float = _FIRST_SECONDS * 2 ** min(failures - 1, _MOST_DOUBLINGS)
    return min(doubled, longest_seconds)
