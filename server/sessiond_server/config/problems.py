"""What is wrong with a configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sessiond_server.config.kinds import shown


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, what was found, and what is allowed there."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.path}: found {self.found}, allowed is {self.allowed}"

    def concerns(self, paths: Iterable[str]) -> bool:
        """Whether it is about one of `paths`, about something that contains one, or about a part of one."""
        return any(path.startswith(self.path) or self.path.startswith(path) for path in paths)


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` are all that were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def repeated(path: str, name: str, values: Iterable[str]) -> Iterator[Problem]:
    """A problem for each of `values`, which are called `name`, that is there more than once."""
    for value, times in Counter(values).items():
        if times > 1:
            yield Problem(path, f"the {name} {shown(value)} {times} times", f"each {name} once")
