"""The dashboard as data: its panels, and their expressions where no Grafana fills the variables in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

PATH: Final = Path(__file__).parents[2] / "deploy/helm/sessiond/files/dashboard.json"
DASHBOARD: Final[dict[str, Any]] = json.loads(PATH.read_text())
PANELS: Final[list[dict[str, Any]]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
_METRIC: Final = re.compile(r"\b((?:sessiond|grpc|process)_[a-z_]+)\b")
_PARTS: Final = re.compile(r"_(bucket|sum|count)$")


class Target(NamedTuple):
    """One expression of a panel."""

    panel: str
    expression: str


def filled_in(expression: str, *, interval: str = "1m") -> str:
    """What Prometheus is asked where all of everything is chosen."""
    return re.sub(r"\$(namespace|job|instance)", ".*", expression.replace("$__rate_interval", interval))


TARGETS: Final = [
    *(Target(panel["title"], filled_in(one["expr"])) for panel in PANELS for one in panel["targets"]),
    *(Target(one["name"], filled_in(one["expr"])) for one in DASHBOARD["annotations"]["list"]),
]


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression names; a histogram is one, whichever of its parts is meant."""
    without_labels = re.sub(r'"[^"]*"|\b(by|on) \([^)]*\)', "", expression)
    return {_PARTS.sub("", name) for name in _METRIC.findall(re.sub(r"\{[^}]*\}", "", without_labels))} - {
        "grpc_method",
        "grpc_code",
    }
