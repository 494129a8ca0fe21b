"""Values that the chart does not know are mistakes, however deep they stand."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import Render
from tests.deploy.matrix import EVERYTHING
from tools import helm

VALUES = yaml.safe_load((helm.CHART / "values.yaml").read_text())
SCHEMA = json.loads((helm.CHART / "values.schema.json").read_text())
# What has labels, annotations or selectors of the user's own choice.
FREE = {
    *("annotations", "podAnnotations", "commonLabels", "podLabels", "labels", "matchLabels", "nodeSelector"),
    *("requests", "limits", "global"),
}
MISTAKES: dict[str, dict[str, Any]] = {
    "replicaCount": {"replicaCount": "two"},
    "config": {"config": {"server": {"listen": "0.0.0.0:50051"}}},
    "pullPolicy": {"image": {"pullPolicy": "always"}},
    "digest": {"image": {"digest": "abc"}},
    "existingSecret": {"existingSecret": "Not A Name"},
    "maxUnavailable": {"podDisruptionBudget": {"maxUnavailable": "half"}},
    "targetCPUUtilizationPercentage": {"autoscaling": {"targetCPUUtilizationPercentage": 0}},
    "interval": {"metrics": {"serviceMonitor": {"interval": "30"}}},
    "type": {"service": {"type": "Loadbalancer"}},
    "terminationGracePeriodSeconds": {"terminationGracePeriodSeconds": 0},
    "runAsUser": {"podSecurityContext": {"runAsUser": "root"}},
    "commonLabels": {"commonLabels": {"app.kubernetes.io/name": "mine"}},
    "podLabels": {"podLabels": {"app.kubernetes.io/instance": "mine"}},
    "tolerations": {"tolerations": [{"kee": "dedicated"}]},
    "httpPort": {"sidecar": {"httpPort": 80}},
    "label": {"sidecar": {"label": "no label"}},
}


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all objects whose fields have names that are given."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            if key not in FREE:
                yield from objects(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from objects(inner, (*path, at))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_by_its_name(render: Render, name: str) -> None:
    with pytest.raises(helm.HelmError, match=name):
        render(MISTAKES[name])


@pytest.mark.parametrize(
    "path", [*objects({**VALUES, **EVERYTHING})], ids=lambda path: ".".join(map(str, path))
)
def test_an_unknown_value_is_refused_wherever_it_stands(render: Render, path: tuple[str | int, ...]) -> None:
    values = copy.deepcopy({**VALUES, **EVERYTHING, "existingSecret": "x"})
    at: Any = values
    for step in path:
        at = at[step]
    at["mistyped"] = "x"
    with pytest.raises(helm.HelmError, match="mistyped"):
        render(values)


def test_every_value_has_its_place_in_the_schema_and_none_is_without_a_default() -> None:
    def names(schema: Any) -> Any:
        closed = schema.get("properties")
        return {key: names(one) for key, one in closed.items()} if closed else None

    def keys(value: Any, known: Any) -> Any:
        return (
            {key: keys(value[key], known[key]) for key in value}
            if known and isinstance(value, dict)
            else None
        )

    known = names(SCHEMA)
    # Helm gives it to every chart that another one has among its dependencies.
    del known["global"]
    assert keys(VALUES, known) == known
