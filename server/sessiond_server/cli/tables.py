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
# One that has just carried out another order waits before the next; the answer may take its time.
_ORDER_SECONDS: Final = 15


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
    ordered = "".join(map(_order, findings))
    return f"{_shown(table)}{ordered}"


def _order(finding: KeySetFinding) -> str:
    """What was ordered, and how to see who has carried it out."""
    if finding.ordered_at is None:
        return ""
    return f"""
{finding.issuer}: every server was told to fetch its keys anew, which takes up to {_ORDER_SECONDS} s.
A server has done so when it shows this metric with at least this value:
  sessiond_key_set_order_timestamp_seconds{{issuer="{finding.issuer}"}} {finding.ordered_at}"""


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
