"""The three standard descriptors: whoever starts us may have closed them."""

from __future__ import annotations

import os
from typing import Final

_STANDARD: Final = (0, 1, 2)


def open_standard_descriptors() -> None:
    """Let nothing of ours get one of their numbers: the event loop aborts where it is given one."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            # A new descriptor gets the lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
