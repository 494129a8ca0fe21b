"""Schemas of the resources that others have defined, from the Go modules that bring them along."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.support.kubernetes import Manifest

# The later ones of Gateway API want a later Go.
SOURCES = {
    "github.com/envoyproxy/gateway@v1.9.1": "charts/gateway-crds-helm/templates/generated/*_{}.yaml",
    "github.com/projectcontour/contour@v1.33.8": "examples/contour/{}.yaml",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd/*_{}.yaml",
    "istio.io/api@v1.32.0": "kubernetes/{}.gen.yaml",
    "sigs.k8s.io/gateway-api@v1.6.0": "config/crd/standard/*_{}.yaml",
}
FILES = (
    *("securitypolicies", "clienttrafficpolicies", "envoyproxies", "backends", "gateways", "httproutes"),
    *("01-crds", "servicemonitors", "prometheusrules", "customresourcedefinitions"),
)


class _Loader(yaml.CSafeLoader):
    """Reads `=` as the text that it is in enumerations of operators, and not as a sign of YAML 1.1."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@cache
def schemas() -> dict[tuple[str, str], Any]:
    """The schemas by version and kind; none where Go is not here, or reaches no module."""
    if shutil.which("go") is None:
        return {}
    found: dict[tuple[str, str], Any] = {}
    for module, files in SOURCES.items():
        directory = _download(module)
        if directory is None:
            return {}
        for path in (path for file in FILES for path in directory.glob(files.format(file))):
            found |= _defined_in(path.read_text())
    return found


def faults(manifest: Manifest) -> list[str]:
    """What an API server with these definitions would refuse; rules in CEL are not asked."""
    validator = jsonschema.Draft4Validator(schemas()[manifest["apiVersion"], manifest["kind"]])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


def _download(module: str) -> Path | None:
    command = ("go", "mod", "download", "-json", module)
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    directory = json.loads(done.stdout or "{}").get("Dir")
    return Path(directory) if directory else None


def _defined_in(text: str) -> dict[tuple[str, str], Any]:
    # Files of a chart have lines of its own before and behind them.
    manifests = yaml.load_all(re.sub(r"(?m)^\{\{.*\}\}$", "", text), Loader=_Loader)
    return {
        (f"{one['spec']['group']}/{version['name']}", one["spec"]["names"]["kind"]): _closed(
            version["schema"]["openAPIV3Schema"], is_root=True
        )
        for one in manifests
        if one and one["kind"] == "CustomResourceDefinition"
        for version in one["spec"]["versions"]
    }


def _closed(schema: Any, *, is_root: bool = False) -> Any:
    """A schema that refuses unknown fields, as a strict API server does."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in {"properties", "format", "default"}}
    closed = {key: _closed(value) for key, value in kept.items()}
    if isinstance(fields := schema.get("properties"), dict):
        closed["properties"] = {name: _closed(one) for name, one in fields.items()}
        if is_root:
            closed["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
        # Within anyOf and its like, a schema of a field says only a part of it.
        if schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    return closed
