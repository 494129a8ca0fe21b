"""Finds the programs that READMEs show: fenced blocks of one language, and where each begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Block:
    """What one fence has in it; `line` is the line of the file that it begins at."""

    file: str
    line: int
    text: str


def blocks(language: str, *files: str) -> Iterator[Block]:
    """The blocks of these files, which are named from the repository's root, in their order."""
    for file in files:
        text = (ROOT / file).read_text()
        for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            yield Block(file, text.count("\n", 0, found.start(1)) + 1, found[1])
