"""What the clients' `conformance/protections.json` say.

Each names the lines without which users are not protected, what stands there instead, and what has to be red
then: cases or whole groups of the suite of conformance, and tests of the client's own. A protection has one
name in all languages, and Go's says why it is needed. A client to which one cannot apply says why it is
`absent`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CLIENTS: Final = ROOT / "clients"
LANGUAGES: Final = ("go", "python", "typescript", "java")


@dataclass(frozen=True)
class Line:
    """A line `old` of a file, in whose place `new` is put; `more` is what the file needs for that."""

    file: str
    old: str
    new: str
    more: str = ""


@dataclass(frozen=True)
class Protection:
    """What protects users in one client; `absent` says why it has no such lines."""

    name: str
    lines: Sequence[Line]
    why: str = ""
    suite: Sequence[str] = ()
    cases: Sequence[str] = ()
    tests: Sequence[str] = ()
    absent: str = ""


def load(language: str) -> list[Protection]:
    """All of a client."""
    said = json.loads((CLIENTS / language / "conformance" / "protections.json").read_text(encoding="utf-8"))
    return [_protection(**one) for one in said]


def without(protection: Protection, client: Path) -> Mapping[str, str]:
    """The text of each file from which a protection is taken.

    Raises:
        ValueError: a line is not there, or not once.
    """
    texts: dict[str, str] = {}
    for line in protection.lines:
        text = texts.get(line.file) or (client / line.file).read_text(encoding="utf-8")
        if (count := text.count(line.old)) != 1:
            raise ValueError(f"{protection.name}: {line.file} has {line.old!r} {count} times, and not once")
        texts[line.file] = text.replace(line.old, line.new) + line.more
    return texts


def _protection(*, name: str, also: Sequence[Mapping[str, str]] = (), **said: Any) -> Protection:
    of_line: dict[str, str] = {
        member: said.pop(member) for member in ("file", "old", "new", "more") if member in said
    }
    lines = [Line(**one) for one in [*([of_line] if of_line else []), *also]]
    return Protection(name, lines, **said)
