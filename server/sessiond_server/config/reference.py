"""The table of all settings, for people: it is made from the types, so that it cannot say anything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sessiond_server.config.kinds import MODE, Setting
from sessiond_server.config.settings import INNER, INNER_LISTS, LISTS, SECTIONS


def reference() -> str:
    """A Markdown table: key, what may be given, default, meaning."""
    rows = [
        f"| `{path}` | {setting.kind.allowed} | {default} | {setting.meaning} |"
        for path, setting, default in _settings()
    ]
    return "\n".join(["| key | allowed | default | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _settings() -> Iterator[tuple[str, Setting, str]]:
    for name, cls in SECTIONS.items():
        yield from _of(cls, name)
    for name, cls in LISTS.items():
        yield from _of(cls, f"{name}[]")


def _of(cls: type, path: str) -> Iterator[tuple[str, Setting, str]]:
    for field in dataclasses.fields(cls):
        at = f"{path}.{field.name}"
        if field.name in INNER:
            yield from _of(INNER[field.name], at)
        elif field.name in INNER_LISTS:
            yield from _of(INNER_LISTS[field.name], f"{at}[]")
        else:
            setting = field.metadata["setting"]
            yield at, setting, f"{field.default:04o}" if setting.kind is MODE else _default(field.default)


def _default(value: Any) -> str:
    match value:
        case dataclasses.MISSING:
            return "required"
        case None | ():
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ", ".join(map(str, value))
        case timedelta():
            return _span(value)
        case _:
            return str(value)


def _span(value: timedelta) -> str:
    milliseconds = value // timedelta(milliseconds=1)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0 and (milliseconds or unit == "s"):
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
