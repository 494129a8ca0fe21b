"""Findings as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sessiond_server.app.check import KeySetFinding
from sessiond_server.app.findings import Finding
from sessiond_server.service.validation.explain import Explanation

_WIDTH: Final = 160
_OUTCOMES: Final = {True: "ok", False: "FAILED", None: "?"}


def of_findings(findings: Sequence[Finding]) -> str:
    """What works of a configuration."""
    table = Table("", "what", "seen")
    for finding in findings:
        table.add_row(*map(Text, (_OUTCOMES[finding.works], finding.what, finding.seen)))
    return _shown(table)


def of_key_sets(findings: Sequence[KeySetFinding]) -> str:
    """What the providers publish."""
    table = Table("issuer", "outcome", "keys", "age (s)", "next refresh (s)")
    for one in findings:
        keys = "\n".join(f"{key_id} {algorithm}" for key_id, algorithm in sorted(one.keys.items()))
        cells = (one.issuer, one.outcome, keys or "none", str(one.age_seconds), str(one.refresh_seconds))
        table.add_row(*map(Text, cells))
    return _shown(table)


def of_explanation(explanation: Explanation) -> str:
    """The steps of a token, and the verdict."""
    table = Table("step", "outcome", "found", "expected")
    for step in explanation.steps:
        table.add_row(*map(Text, (step.name, step.outcome, step.found, step.expected)))
    return f"{_shown(table)}\nverdict: {explanation.verdict}"


def _shown(table: Table) -> str:
    """A table as text."""
    console = Console(width=_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()
