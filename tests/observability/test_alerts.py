"""The rules of alerts: each fires once and is silent once, and docs/alerts.md has something to say of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/helm/sessiond/files/alerts.yaml"
CASES = Path(__file__).with_name("alerts.test.yaml")
PAGE = ROOT / "docs/alerts.md"
RUNBOOK = "https://github.com/sessiond/sessiond/blob/main/docs/alerts.md#"

(GROUP,) = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in GROUP["rules"]}
WANTED = {
    *("RefreshTokenReused", "RevocationViewOld", "KeySetOld", "RejectsMost", "Unavailable", "StoreSlow"),
    *("StoreErrors", "NotReady", "CertificateExpires", "KeySetFetchFails", "LoopLate", "RevocationResync"),
    "MisconfiguredRoute",
}


def test_there_is_every_alert() -> None:
    assert ALERTS.keys() == {f"Sessiond{name}" for name in WANTED}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_how_bad_and_where_more_stands(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK}{alert.lower()}"


def test_the_page_has_every_alert_and_no_other() -> None:
    headings = re.findall(r"^## (\S+)$", PAGE.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("fires", [True, False])
def test_an_alert_is_tried_both_ways(alert: str, *, fires: bool) -> None:
    tried = [
        bool(one["exp_alerts"])
        for case in yaml.safe_load(CASES.read_text())["tests"]
        for one in case["alert_rule_test"]
        if one["alertname"] == alert
    ]
    assert fires in tried


@promtool.needed
def test_the_rules_are_rules() -> None:
    assert promtool.run("check", "rules", str(RULES))[0] == 0


@promtool.needed
@pytest.mark.slow
def test_each_alert_fires_and_is_silent_as_it_should() -> None:
    status, said = promtool.run("test", "rules", str(CASES))
    assert status == 0, said
