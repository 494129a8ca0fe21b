"""What a look at a configuration finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sessiond_server.config.problems import Problem


class Severity(StrEnum):
    """How much a finding matters, from nothing to what keeps the service from working."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


_BY_WEIGHT: Final = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, by the path of its setting; what was found there, and what is allowed instead."""

    severity: Severity
    field: str
    found: str
    allowed: str = ""

    @classmethod
    def of(cls, problem: Problem) -> Finding:
        """A mistake in the settings."""
        return cls(Severity.ERROR, problem.path, problem.found, problem.allowed)


def worst_of(findings: Iterable[Finding]) -> Severity:
    """The greatest severity among findings."""
    return max((one.severity for one in findings), key=_BY_WEIGHT.index, default=Severity.OK)
