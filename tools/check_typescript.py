"""Runs the suite of clients over the TypeScript client as it was built last, and installs it as backends do.

Each kind of middleware is asked for its group; what the package says of its types and its formats is checked
where it is packed; and a project that has nothing else of ours imports and requires every part of it, and
compiles the programs of the READMEs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from readme_blocks import ROOT, blocks

CLIENT: Final = ROOT / "clients/typescript"
# Whoever takes the client takes these; frameworks are the backend's own.
DEPENDENCIES: Final = {"@bufbuild/protobuf", "@grpc/grpc-js"}
# Node tells nobody of a second value, see the README of the client.
MAY_BE_SKIPPED: Final = "of two values none is taken"
# What the testee is started with beside its defaults, and the groups that it is asked for.
OTHER_MIDDLEWARE: Final = (
    ("--http=express4", "http"),
    ("--http=fastify", "http"),
    ("--http=nest", "http"),
    ("--grpc=connect", "grpc"),
)
# What a backend has beside the client, so that all of its parts can be loaded.
FRAMEWORKS: Final = (
    "@connectrpc/connect",
    "@nestjs/common",
    "@opentelemetry/api",
    "@types/express",
    "@types/node",
    "express",
    "fastify",
    "reflect-metadata",
    "rxjs",
    "typescript",
)
# What the programs of the READMEs take for given.
GIVEN_IN_READMES: Final = """
declare const token: string, otherToken: string, issuer: string, proof: string, revision: string;
declare const code: string, redirectUri: string, codeVerifier: string, signal: AbortSignal;
declare const device: import("@sessiond/client").Device, app: import("express").Express;
declare const client: SessiondClient, orders: import("@sessiond/client").Policy;
export {};
"""


def main() -> int:
    """1 where a check fails."""
    manifest = json.loads((CLIENT / "package.json").read_text())
    if manifest["dependencies"].keys() != DEPENDENCIES:
        print(f"package.json: found {sorted(manifest['dependencies'])}, allowed is {sorted(DEPENDENCIES)}")
        return 1
    testee = f"node {CLIENT / 'build/conformance/main.js'}"
    if not all([passed(conformance(testee)), middleware_conforms(testee)]):
        return 1
    with tempfile.TemporaryDirectory() as directory:
        install(Path(directory), manifest)
    parts = ", ".join(sorted(manifest["exports"]))
    print(f"the TypeScript package is imported and required: {parts}")
    return 0


def middleware_conforms(testee: str) -> bool:
    """Whether the other middleware of a testee passes, each kind its group."""
    # They wait for their servers most of the time.
    with ThreadPoolExecutor(2) as pool:
        tried = [pool.submit(conformance, f"{testee} {option}", group) for option, group in OTHER_MIDDLEWARE]
    failed = [one for one in tried if not passed(one.result())]
    return not failed


def passed(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether no case has failed, or was skipped that is not known; what was said is shown."""
    print(done.stdout, end="", flush=True)
    return done.returncode == 0


def conformance(testee: str, group: str = "") -> subprocess.CompletedProcess[str]:
    """What the suite, or a group of it, says of a testee."""
    command = [sys.executable, "-m", "tests.conformance", "--testee", testee, "--strict"]
    command += ["--may-skip", MAY_BE_SKIPPED, *(["--group", group] if group else [])]
    return subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)


def install(folder: Path, manifest: dict[str, dict[str, str]]) -> None:
    """Install the packed client into an empty project that uses each part of it, in both formats."""
    packed = run("npm", "pack", "--silent", "--pack-destination", str(folder)).strip()
    versions = {**manifest["devDependencies"]}
    wanted = [f"{name}@{versions[name]}" for name in FRAMEWORKS]
    (folder / "package.json").write_text('{ "private": true, "type": "module" }')
    options = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
    run("npm", "install", *options, str(folder / packed), *wanted, folder=folder)
    parts = [part for part in manifest["exports"] if part != "./package.json"]
    names = ["@sessiond/client" + part.removeprefix(".") for part in parts]
    imports = [f'import * as part{i} from "{name}";' for i, name in enumerate(names)]
    used = f"console.log([{', '.join(f'part{i}' for i in range(len(names)))}].length);"
    (folder / "imports.ts").write_text("\n".join([*imports, used]))
    requires = [f'import part{i} = require("{name}");' for i, name in enumerate(names)]
    (folder / "requires.cts").write_text("\n".join([*requires, used]))
    (folder / "readme.ts").write_text(shown_in_readmes())
    compiler = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
    # The declarations of frameworks are their own matter.
    run("npx", "tsc", *compiler, "--skipLibCheck", "imports.ts", "requires.cts", "readme.ts", folder=folder)
    for program in ("imports.js", "requires.cjs"):
        run("node", program, folder=folder)


def shown_in_readmes() -> str:
    """The READMEs' programs as one, each in a block of its own, beside what they take for given."""
    shown = [block.text for block in blocks("ts", "README.md", "clients/typescript/README.md")]
    imports = {line for text in shown for line in text.splitlines() if line.startswith("import ")}
    bodies = ["\n".join(line for line in text.splitlines() if line not in imports) for text in shown]
    return "\n".join([*sorted(imports), GIVEN_IN_READMES, *(f"{{\n{body}\n}}" for body in bodies)])


def run(*command: str, folder: Path = CLIENT) -> str:
    """What a command prints; raises where it fails, with that."""
    environment = {**os.environ, "NO_COLOR": "1"}
    found = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if found.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{found.stdout}")
    return found.stdout


if __name__ == "__main__":
    sys.exit(main())
