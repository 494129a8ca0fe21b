"""Whether what was found is what a case expects; README.md has the rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING = object()
_SHOWN = 300


def numbered(value: Any, number: int) -> Any:
    """`value` with `$n` in its texts replaced by a number."""
    if isinstance(value, str):
        return value.replace("$n", str(number))
    if isinstance(value, list):
        return [numbered(item, number) for item in value]
    if isinstance(value, dict):
        return {name: numbered(member, number) for name, member in value.items()}
    return value


def repeated(value: Any) -> Any:
    """The list that `{"each": …, "count": …}` stands for, or the value as it is."""
    if isinstance(value, dict) and value.keys() == {"each", "count"}:
        return [numbered(value["each"], number) for number in range(value["count"])]
    return value


def differences(expected: Any, found: Any, where: str) -> Iterator[str]:
    """A line for each thing that is not as expected; members that are not named may be anything."""
    expected = repeated(expected)
    if isinstance(expected, dict) and expected and all(name.startswith("$") for name in expected):
        yield from _by_rule(expected, found, where)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name, member in expected.items():
            yield from differences(member, found.get(name, _NOTHING), f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where}: expected {len(expected)} items, found {len(found)}: {_shown(found)}"
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, f"{where}[{index}]")
    elif not _equal(expected, found):
        yield f"{where}: expected {_shown(expected)}, found {_shown(found)}"


def _by_rule(rules: dict[str, Any], found: Any, where: str) -> Iterator[str]:
    for rule, value in rules.items():
        if not _holds(rule, value, found):
            yield f"{where}: expected {rule[1:].replace('_', ' ')} {_shown(value)}, found {_shown(found)}"


def _holds(rule: str, value: Any, found: Any) -> bool:
    match rule:
        case "$absent":
            return (found is _NOTHING or found is None) == value
        case "$at_least":
            return isinstance(found, int | float) and found >= value
        case "$at_most":
            return isinstance(found, int | float) and found <= value
        case "$contains":
            return isinstance(found, str | list) and value in found
        case "$one_of":
            return found in value
        case _:
            raise ValueError(f"{rule}: there is no such rule")


def rules_in(value: Any) -> Iterator[str]:
    """The rules that an expectation uses."""
    if isinstance(value, dict):
        yield from (name for name in value if name.startswith("$"))
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from rules_in(member)


RULES = ("$absent", "$at_least", "$at_most", "$contains", "$one_of")


def _equal(expected: Any, found: Any) -> bool:
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def _shown(value: Any) -> str:
    shown = "nothing" if value is _NOTHING else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
