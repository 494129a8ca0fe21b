"""The checker of histories finds what it is to find, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.history import (
    Event,
    History,
    Interval,
    Operation,
    Outcome,
    Way,
    delays,
    summary,
    violations,
)


def event(operation: str, at: float, outcome: str = "done", **more: Any) -> Event:
    """A call that takes a tenth of a second."""
    return Event(Operation(operation), 1, more.pop("server", 0), at, at + 0.1, Outcome(outcome), **more)


ENDED = event("revoke", 10.0)


@pytest.mark.parametrize(
    ("after", "promise"),
    [
        (event("validate", 11.0), None),
        (event("validate", 11.11), "G1"),
        (event("validate", 11.11, way=Way.CACHED), "G1"),
        (event("validate", 11.11, "unknown"), None),
        (event("validate", 11.11, "refused"), None),
        (event("validate", 10.05, way=Way.FULLY), None),
        (event("validate", 10.2, way=Way.FULLY), "G2"),
        (event("validate", 10.2, way=Way.AT_LEAST), "G2"),
        (event("refresh", 10.05), None),
        (event("refresh", 10.2), "G3"),
        (event("refresh", 10.2, "refused"), None),
    ],
)
def test_what_comes_after_an_acknowledged_end(after: Event, promise: str | None) -> None:
    found = violations(History(events=[ENDED, after]))
    assert [one[:2] for one in found] == ([promise] if promise else [])


@pytest.mark.parametrize("operation", ["validate", "refresh"])
def test_nobody_is_refused_whom_nobody_ended(operation: str) -> None:
    refused = event(operation, 5.0, "refused")
    assert len(violations(History(events=[refused]))) == 1
    assert len(violations(History(events=[refused, ENDED]))) == 1
    wanted = event("revoke", 4.0, "unknown")
    assert violations(History(events=[wanted, refused])) == []


def test_an_end_that_was_not_acknowledged_promises_nothing() -> None:
    wanted = event("revoke", 4.0, "unknown")
    assert violations(History(events=[wanted, event("validate", 9.0), event("refresh", 9.0)])) == []


def test_a_server_without_its_store_answers_for_as_long_as_it_may() -> None:
    def found(outage: Interval, *, at: float, **more: Any) -> list[str]:
        return violations(History(events=[event("validate", at, **more)], outages=[outage]))

    assert found(Interval(5.0, 8.0), at=5.9) == []
    assert found(Interval(5.0, 8.0), at=6.1)[0].startswith("G8")
    assert found(Interval(5.0, 8.0), at=7.95) == []
    assert found(Interval(5.0, 8.0, server=1), at=6.1) == []
    assert found(Interval(5.0, 8.0, server=1), at=6.1, server=1)[0].startswith("G8")


def test_a_store_that_has_lost_something_is_forgiven_until_it_is_repaired() -> None:
    loss = [Interval(10.15, 12.0)]
    assert violations(History(events=[ENDED, event("refresh", 11.0)], losses=loss)) == []
    assert violations(History(events=[ENDED, event("refresh", 12.0)], losses=loss))
    assert violations(History(events=[ENDED, event("validate", 11.5)], losses=loss))
    assert violations(History(events=[event("refresh", 13.0, "refused")], losses=loss)) == []
    assert violations(History(events=[event("validate", 13.0, "refused")], losses=loss))


def test_how_late_tokens_were_accepted_is_told_for_each_way(tmp_path: Path) -> None:
    history = History(events=[ENDED, event("validate", 10.4), event("validate", 9.0, way=Way.FULLY)])
    assert {way: [round(one, 3) for one in found] for way, found in delays(history).items()} == {
        Way.PLAIN: [0.3],
        Way.FULLY: [0.0],
    }
    assert "plain: accepted for 300 ms" in summary(history)
    history.notes.append((9.5, "something"))
    history.write(tmp_path / "kept" / "history.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "kept" / "history.jsonl").read_text().splitlines()]
    assert [line.get("note", line.get("operation")) for line in lines] == [
        "validate",
        "something",
        "revoke",
        "validate",
    ]
