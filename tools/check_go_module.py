"""Gets the Go client as a backend would: from a proxy, into a module that has nothing else of ours.

The proxy has what a release would have: the files in git, without the modules below it. The backend is the
client's own example.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT: Final = ROOT / "clients/go"
EXAMPLE: Final = CLIENT / "examples/validate/main.go"
MODULE: Final = "github.com/sessiond/sessiond/clients/go"
VERSION: Final = "v0.0.1"
# Whoever takes the client takes these; what else one needs is a module of its own.
DEPENDENCIES: Final = {"golang.org/x/sys", "google.golang.org/grpc", "google.golang.org/protobuf"}


def main() -> int:
    """1 where the client needs more than it may, or cannot be got and built."""
    if shutil.which("go") is None:
        print("skipped the Go module: go is not here")
        return 0
    for where, found in (("go.mod", required()), ("its packages", imported() | DEPENDENCIES)):
        if found != DEPENDENCIES:
            print(f"{where}: found {sorted(found)}, allowed is {sorted(DEPENDENCIES)}", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory() as directory:
        proxy, backend = Path(directory, "proxy"), Path(directory, "backend")
        publish(proxy)
        built = get_and_build(backend, environment(proxy, Path(directory, "modules")))
    print(built or f"the Go module is got from a proxy, and needs {', '.join(sorted(DEPENDENCIES))} alone")
    return bool(built)


def required() -> set[str]:
    """The modules that the client says it imports itself."""
    said = run("go", "mod", "edit", "-json", folder=CLIENT)
    return {one["Path"] for one in json.loads(said.stdout)["Require"] if not one.get("Indirect")}


def imported() -> set[str]:
    """What it imports of others: modules, and any package of a module that is not allowed."""
    imports = '{{join .Imports "\\n"}}\n{{join .TestImports "\\n"}}\n{{join .XTestImports "\\n"}}'
    listed = run("go", "list", "-f", imports, "./...", folder=CLIENT)
    listed.check_returncode()
    others = [
        name
        for name in listed.stdout.split()
        if "." in name.partition("/")[0] and not name.startswith(MODULE)
    ]
    return {next((one for one in DEPENDENCIES if name.startswith(f"{one}/")), name) for name in others}


def publish(proxy: Path) -> None:
    """Lay the module out as the protocol of proxies has it (go.dev/ref/mod#goproxy-protocol)."""
    versions = proxy / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text(f"{VERSION}\n")
    (versions / f"{VERSION}.info").write_text(json.dumps({"Version": VERSION}))
    shutil.copy(CLIENT / "go.mod", versions / f"{VERSION}.mod")
    with zipfile.ZipFile(versions / f"{VERSION}.zip", "w") as archive:
        for file in released():
            archive.write(CLIENT / file, f"{MODULE}@{VERSION}/{file}")


def released() -> Iterator[Path]:
    """The module's files in git; a directory with a `go.mod` of its own is another module."""
    listed = run("git", "ls-files", "-z", folder=CLIENT)
    listed.check_returncode()
    files = [Path(name) for name in listed.stdout.split("\0") if name and (CLIENT / name).exists()]
    others = {file.parent for file in files if file.name == "go.mod"} - {Path()}
    return (file for file in files if others.isdisjoint(file.parents))


def environment(proxy: Path, modules: Path) -> dict[str, str]:
    """Modules in a directory of their own; all but the client are this machine's, where it has them."""
    cache = run("go", "env", "GOMODCACHE", folder=CLIENT).stdout.strip()
    usual = run("go", "env", "GOPROXY", folder=CLIENT).stdout.strip()
    return {
        **os.environ,
        "GOPROXY": f"{proxy.as_uri()},{Path(cache, 'cache/download').as_uri()},{usual}",
        "GONOSUMDB": MODULE,
        "GOMODCACHE": str(modules),
        # The cache can be removed again, and what is compiled of it is the same wherever it is.
        "GOFLAGS": "-mod=mod -modcacherw -trimpath",
        "GOWORK": "off",
    }


def get_and_build(backend: Path, environment: Mapping[str, str]) -> str:
    """What a command said that failed, if one did."""
    backend.mkdir()
    shutil.copy(EXAMPLE, backend)
    for command in (
        ("mod", "init", "example.com/backend"),
        ("get", f"{MODULE}/sessiond"),
        ("vet", "."),
        ("build", "-o", os.devnull, "."),
    ):
        done = run("go", *command, folder=backend, environment=environment)
        if done.returncode:
            return f"go {' '.join(command)} failed\n{done.stderr}"
    written = (backend / "go.mod").read_text()
    return "" if f"{MODULE} {VERSION}" in written else f"go.mod requires another version\n{written}"


def run(
    *command: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command, done."""
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
