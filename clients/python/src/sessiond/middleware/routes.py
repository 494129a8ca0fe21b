"""Rules by path, for what has no other names for its routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sessiond.middleware.rules import NOBODY, Rule

_DOTS: Final = frozenset({".", ".."})
_PATTERN: Final = re.compile(r"(?:([A-Z]+) )?(/.*)")


class Routes:
    """Finds the rule of a request by `[METHOD ]/path`.

    A path with a slash at its end has all below it. The longest path decides, and among the same ones that
    with the method. GET is for HEAD, too.
    """

    def __init__(self, rules: Mapping[str, Rule], default: Rule) -> None:
        self.default: Final = default
        self._rules: Final = {_parsed(pattern): rule for pattern, rule in rules.items()}
        self._is_all_alike: Final = all(rule.is_public or rule == default for rule in rules.values())

    def find(self, method: str, path: str) -> Rule:
        """The rule of a request; it is for nobody where it is not clear which is meant.

        A path with dots or nothing between its slashes may mean another one to whoever routes by it.
        """
        if not _is_plain(path):
            return self.default if self._is_all_alike else NOBODY
        methods = (method, "GET", "") if method == "HEAD" else (method, "")
        for known in (path, *_above(path)):
            for one in methods:
                rule = self._rules.get((one, known))
                if rule is not None:
                    return rule
        return self.default

    def with_marks(self, method: str, path: str, marks: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """All rules of a request whose view has marks of its own: the default is for what says nothing."""
        found = self.find(method, path)
        return marks if found is self.default and marks else (found, *marks)


def _parsed(pattern: str) -> tuple[str, str]:
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        raise ValueError(f"routes: found {pattern!r}, allowed is a path, or a method, a blank and a path")
    return found[1] or "", found[2]


def _above(path: str) -> list[str]:
    """What ends with a slash and has a path below it, the longest first."""
    return [path[: end + 1] for end in range(len(path) - 2, -1, -1) if path[end] == "/"]


def _is_plain(path: str) -> bool:
    *between, last = path.removeprefix("/").split("/")
    return (
        path.startswith("/")
        and not any(part in _DOTS or part == "" for part in between)
        and last not in _DOTS
    )
