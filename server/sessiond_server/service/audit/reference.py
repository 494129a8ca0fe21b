"""The tables of audit events, for people: they are made from the types, and cannot say anything else."""

from __future__ import annotations

from collections.abc import Mapping

from sessiond_server.service.audit.events import ACTIONS, OUTCOMES, event_fields


def audit_tables() -> str:
    """Markdown tables: the actions, the outcomes, and the fields."""
    actions = {action.value: meaning for action, meaning in ACTIONS.items()}
    outcomes = {outcome.value: meaning for outcome, meaning in OUTCOMES.items()}
    named = (("action", actions), ("outcome", outcomes), ("field", event_fields()))
    return "\n".join(_table(heading, meanings) for heading, meanings in named)


def _table(heading: str, meanings: Mapping[str, str]) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in meanings.items()]
    return "\n".join([f"| {heading} | meaning |", "| --- | --- |", *rows]) + "\n"
