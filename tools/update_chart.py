"""Writes what is made of other files: the types of Kubernetes in the chart's schema, and the plain manifests.

With --check nothing is written: the exit status is how many files are not as they would be.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tools import helm

SCHEMA = helm.CHART / "values.schema.json"
BACKEND = helm.ROOT / "deploy" / "examples" / "backend"
MANIFESTS = helm.ROOT / "deploy" / "kubernetes"
KUBERNETES = "v1.37.0-local-strict"
_REFERENCE = "#/definitions/"

SERVER = """\
# sessiond as a service, in a namespace `sessiond` that has a Secret `sessiond`: its entries are the files
# that the configuration names. Made from deploy/helm/sessiond by `make manifests`.
"""
SIDECAR = """\
# A backend with sessiond's agent as a native sidecar (from Kubernetes 1.29 on), in a namespace that has a
# ConfigMap `sessiond-ca`: ca.crt is the authority of the servers' certificates. Made from
# deploy/examples/backend by `make manifests`.
"""
INJECTION = """\
# Puts sessiond's agent into the pods that ask for it by the label sessiond.dev/inject="true", in namespaces
# that have it too (from Kubernetes 1.36 on). Made from deploy/helm/sessiond by `make manifests`.
"""


def main() -> int:
    """The number of files that are not as they should be."""
    is_check = "--check" in sys.argv[1:]
    # The manifests are rendered from the schema too.
    stale = written({SCHEMA: schema()}, is_check=is_check)
    if helm.find_or_install() is None:
        print(f"plain manifests: skipped, {helm.MISSING}", file=sys.stderr)
    else:
        stale += written(manifests(), is_check=is_check)
    return stale


def written(made: Mapping[Path, str], *, is_check: bool) -> int:
    """Write what is not as it is made; or else tell of it, and how much of that there is."""
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if is_check:
            print(f"{path.relative_to(helm.ROOT)}: not as it is made; run: make manifests", file=sys.stderr)
        else:
            path.write_text(made[path])
    return len(stale) if is_check else 0


def schema() -> str:
    """The schema of values, with the definitions of every type of Kubernetes that it names."""
    written = json.loads(SCHEMA.read_text())
    name = f"kubernetes-json-schema/{KUBERNETES}/_definitions.json"
    known = json.loads(files("kubernetes_validate").joinpath(name).read_text())["$defs"]
    wanted = [*references(written["properties"])]
    written["definitions"] = {}
    while wanted:
        if (one := wanted.pop()) not in written["definitions"]:
            written["definitions"][one] = without_words(known[one])
            wanted += references(known[one])
    written["definitions"] = dict(sorted(written["definitions"].items()))
    return json.dumps(written, indent=2) + "\n"


def references(schema: Any) -> Iterator[str]:
    """The definitions that a schema names."""
    if isinstance(schema, list):
        for item in schema:
            yield from references(item)
    elif isinstance(schema, dict):
        if isinstance(named := schema.get("$ref"), str):
            yield named.rpartition("/")[2]
        for value in schema.values():
            yield from references(value)


def without_words(schema: Any) -> Any:
    """A definition without descriptions, without what only Kubernetes reads, and without null."""
    if isinstance(schema, list):
        return [without_words(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(named := schema.get("$ref"), str):
        return {"$ref": _REFERENCE + named.rpartition("/")[2]}
    kept = {key: value for key, value in schema.items() if not _is_words(key)}
    if isinstance(kept.get("type"), list):
        (kept["type"],) = (one for one in kept["type"] if one != "null")
    if isinstance(fields := kept.get("properties"), dict):
        kept["properties"] = {name: without_words(field) for name, field in fields.items()}
    return {key: value if key == "properties" else without_words(value) for key, value in kept.items()}


def _is_words(key: str) -> bool:
    return key in {"description", "format"} or key.startswith("x-kubernetes")


def manifests() -> dict[Path, str]:
    """The plain manifests, by where they stand."""
    own = ("--namespace", "sessiond", "--no-hooks", "--set", "existingSecret=sessiond")
    injected = (*own, "--set", "sidecar.enabled=true", "--show-only", "templates/injection.yaml")
    return {
        MANIFESTS / "server.yaml": SERVER + plain(helm.template("sessiond", helm.CHART, *own)),
        MANIFESTS / "injection.yaml": INJECTION + plain(helm.template("sessiond", helm.CHART, *injected)),
        MANIFESTS / "sidecar.yaml": SIDECAR + plain(backend()),
    }


def backend() -> str:
    """The example of a backend in a namespace of its own, whose servers are in another one."""
    with tempfile.TemporaryDirectory() as directory:
        chart = Path(directory) / "orders"
        shutil.copytree(BACKEND, chart)
        shutil.copytree(helm.CHART, chart / "charts" / "sessiond")
        servers = (
            "sessiond.sidecar.servers=dns:///sessiond-headless.sessiond.svc:50051",
            "sessiond.sidecar.serverName=sessiond.sessiond.svc",
        )
        shown = ("--namespace", "shop", "--show-only", "templates/deployment.yaml")
        return helm.template("orders", chart, *shown, "--set", ",".join(servers))


def plain(rendered: str) -> str:
    """Manifests that do not say that Helm has made them."""
    lines = re.sub(r"(?m)^(# Source:| *(app\.kubernetes\.io/managed-by|helm\.sh/chart):).*\n", "", rendered)
    # Versions of Helm differ in empty lines between manifests.
    return re.sub(r"\n+(?=---\n)|\n+\Z", "\n", re.sub(r"(?m)[ \t]+$", "", lines))


if __name__ == "__main__":
    sys.exit(main())
