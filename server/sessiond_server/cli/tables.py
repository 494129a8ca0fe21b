"""Findings as tables for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sessiond import PartitionStatus, SessionRecord
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


def of_sessions(records: Sequence[SessionRecord]) -> str:
    """The live sessions of a subject."""
    table = Table("session", "client", "tenant", "created", "last refresh", "ends", "device")
    for one in records:
        device = one.device.label or one.device.user_agent or one.device.ip_address
        times = (one.create_time, one.last_refresh_time, one.idle_expire_time)
        session = one.session
        cells = (session.session_id, session.client_id, session.tenant_id, *map(_time, times), device)
        table.add_row(*map(Text, cells))
    return _shown(table)


def of_session(members: Mapping[str, object]) -> str:
    """What is known of one session."""
    table = Table("field", "value")
    for name, value in members.items():
        table.add_row(*map(Text, (name, value if isinstance(value, str) else json.dumps(value))))
    return _shown(table)


def of_partitions(partitions: Sequence[PartitionStatus]) -> str:
    """How the log of each partition is followed."""
    table = Table("partition", "read", "behind", "age (ms)", "last read anew", "why")
    for one in partitions:
        age = "unknown" if one.age is None else f"{one.age.total_seconds() * 1000:.0f}"
        restoring = "; lost ones are written again" if one.restoring else ""
        why = f"{one.resync_reason.lower() or 'never'}{restoring}"
        cells = (str(one.partition), str(one.read), str(one.behind), age, _time(one.resync_time), why)
        table.add_row(*map(Text, cells))
    return _shown(table)


def counted(number: int, what: str) -> str:
    """So many of something, as a sentence has it."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment else ""


def _shown(table: Table) -> str:
    """A table as text."""
    console = Console(width=_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()
