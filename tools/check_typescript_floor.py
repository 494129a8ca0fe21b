"""Runs the cases of middleware over the lowest versions that the TypeScript package says it works with.

Node is the lowest too, and so is each dependency; the client is as it was built last.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from check_typescript import CLIENT, middleware_conforms, run
from readme_blocks import ROOT

# What is installed stays from run to run.
FOLDER: Final = ROOT / ".cache/typescript-floor"
# What belongs to a framework, and is of the framework's version.
COMPANIONS: Final = {
    "@connectrpc/connect-node": "@connectrpc/connect",
    "@nestjs/core": "@nestjs/common",
    "@nestjs/platform-express": "@nestjs/common",
    "express4": "express",
}


def main() -> int:
    """1 where a case fails, or is skipped that is not known."""
    manifest = json.loads((CLIENT / "package.json").read_text())
    node = install(manifest)
    shutil.rmtree(FOLDER / "build", ignore_errors=True)
    shutil.copytree(CLIENT / "build", FOLDER / "build")
    return int(not middleware_conforms(f"{node} {FOLDER / 'build/conformance/main.js'}"))


def install(manifest: dict[str, dict[str, str]]) -> Path:
    """Install the lowest versions of all that the package needs or works with; where its Node is."""
    ranges = manifest["dependencies"] | manifest["peerDependencies"]
    versions = {name: lowest(allowed) for name, allowed in ranges.items()}
    versions |= {name: versions[framework] for name, framework in COMPANIONS.items()}
    versions["express4"] = f"npm:express@{versions['express4']}"
    versions["node"] = lowest(manifest["engines"]["node"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    project = {"private": True, "type": "module", "dependencies": versions}
    (FOLDER / "package.json").write_text(json.dumps(project))
    run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline", folder=FOLDER)
    return FOLDER / "node_modules/node/bin/node"


def lowest(allowed: str) -> str:
    """The lowest version of a range such as `>=1.7.0 <2` or `^1.14.0`; raises where it names none."""
    found = re.match(r"(?:>=|\^)(\d+\.\d+(?:\.\d+)?)(?: |$)", allowed)
    if found is None:
        raise SystemExit(f"package.json: found {allowed!r}, allowed is a range that names its lowest version")
    version = found[1]
    return version if version.count(".") > 1 else f"{version}.0"


if __name__ == "__main__":
    sys.exit(main())
