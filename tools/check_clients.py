"""Builds and tests the client of every other language whose toolchain is here, on a real server too.

Its example must accept a good token and reject a revoked one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sessiond import Client, UnavailableError

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
PATIENCE_SECONDS = 60
# The agent is a module of its own, so that the client needs no more than it does.
AGENT = "cmd/sessiond-agent"
# Each module writes what its tests are compiled with.
CLASS_PATHS = ("dependency:build-classpath", "-Dmdep.outputFile=target/classpath")
EXAMPLE = "examples/target/*:examples/target/lib/*"


@dataclass(frozen=True)
class Language:
    """How an example is built and run; `{addr}` stands for the server's address."""

    name: str
    client: str
    tools: Sequence[str]
    build: Sequence[Sequence[str]]
    run: Sequence[str]
    # What else is checked once it is built, by this Python.
    suites: Sequence[Sequence[str]] = ()

    @property
    def folder(self) -> Path:
        """Where its client is."""
        return CLIENTS / self.client


def java(name: str, versions: Sequence[str], suites: Sequence[Sequence[str]]) -> Language:
    """Java, on the runtime that the build names, or on other `versions` of the runtime."""
    return Language(
        name,
        "java",
        ["java", "mvn"],
        [["mvn", "-q", "-B", "clean", "package", *CLASS_PATHS, *versions]],
        ["java", "-cp", EXAMPLE, "dev.sessiond.examples.Validate", "{addr}"],
        suites,
    )


LANGUAGES = (
    Language(
        "go",
        "go",
        ["go"],
        [
            ["go", "vet", "./..."],
            ["go", "tool", "-modfile=tools/go.mod", "staticcheck", "./..."],
            ["go", "test", "-race", "./..."],
            ["go", "-C", AGENT, "vet", "./..."],
            ["go", "-C", AGENT, "test", "-race", "./..."],
            ["go", "-C", AGENT, "build", "-o", os.devnull, "."],
            *(
                ["go", "-C", adapter, command, "./..."]
                for adapter in ("otel", "prometheus")
                for command in ("vet", "test")
            ),
            ["go", "build", "-o", "validate", "./examples/validate"],
        ],
        ["./validate", "-addr", "{addr}"],
        [["tools/check_readmes.py", "go"], ["tools/check_backends.py", "go"]],
    ),
    Language(
        "typescript",
        "typescript",
        ["node", "npm"],
        [
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            ["npm", "run", "-s", "build"],
            ["npm", "run", "-s", "build:dev"],
            ["npm", "test"],
            ["npm", "run", "-s", "lint"],
            ["npm", "run", "-s", "check:package"],
        ],
        ["npm", "run", "-s", "validate", "--", "{addr}"],
        [
            ["tools/check_typescript.py"],
            ["tools/check_typescript_floor.py"],
            ["tools/check_backends.py", "typescript"],
        ],
    ),
    java(
        "java, on the oldest runtime",
        ["-Dprotobuf.version=4.28.3", "-Dgrpc.version=1.70.0"],
        [["tools/check_java.py", "errors", "connection", "watch", "grpc"]],
    ),
    # The last, as what it has built is what is deployed then (tools/check_java_install.py).
    java(
        "java",
        [],
        [
            ["tools/check_java.py"],
            ["tools/check_readmes.py", "java"],
            ["tools/check_backends.py", "java"],
        ],
    ),
)


def main() -> int:
    """The number of languages whose example does not work."""
    present = [language for language in LANGUAGES if all(map(shutil.which, language.tools))]
    for language in LANGUAGES:
        if language not in present:
            print(f"skipped {language.name}: {' or '.join(language.tools)} is not here", flush=True)
    if not present:
        return 0
    with (
        tempfile.TemporaryDirectory() as directory,
        server(Path(directory)) as addr,
        Client(addr, timeout=5) as client,
    ):
        return sum(not works(language, addr, client) for language in present)


def works(language: Language, addr: str, client: Client) -> bool:
    """Whether the example builds, and says of each token what it should."""
    started = time.monotonic()
    for command in language.build:
        built = subprocess.run(command, cwd=language.folder, check=False, stdout=subprocess.PIPE, text=True)
        if built.returncode:
            print(f"{language.name}: {' '.join(command)} failed\n{built.stdout}", file=sys.stderr)
            return False
    for token, expected in tokens_of(client):
        command = [part.format(addr=addr) for part in language.run]
        environment = {**os.environ, "ACCESS_TOKEN": token}
        said = subprocess.run(
            command, cwd=language.folder, env=environment, check=False, capture_output=True, text=True
        )
        if expected not in said.stdout:
            print(
                f"{language.name}: expected {expected!r}, got {said.stdout!r}\n{said.stderr}", file=sys.stderr
            )
            return False
    for suite in language.suites:
        tried = subprocess.run([sys.executable, *suite], cwd=CLIENTS.parent, check=False)
        if tried.returncode:
            print(f"{language.name}: {' '.join(suite)} failed", file=sys.stderr)
            return False
    print(
        f"{language.name}: accepted a good token, rejected a revoked one "
        f"({time.monotonic() - started:.0f} s)",
        flush=True,
    )
    return True


def tokens_of(client: Client) -> list[tuple[str, str]]:
    """Tokens of now, as they live for five minutes, and what an example says of each."""
    good, ended = client.create_local_session("alice"), client.create_local_session("bob")
    client.revoke_session(ended.session.session_id)
    return [(good.access_token, "accepted: alice"), (ended.access_token, "REVOKED")]


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """Run a server for as long as the context lasts; its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        sys.executable,
        "-m",
        "sessiond_server",
        "dev",
        "--listen",
        address,
        "--http",
        "127.0.0.1:0",
        "--data",
        str(directory / "d"),
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        wait_until_it_answers(address)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_until_it_answers(address: str) -> None:
    """Return when the server answers; raises `UnavailableError` where it does not in time."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    with Client(address, timeout=1) as client:
        while True:
            try:
                client.validate("x")
            except UnavailableError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
            else:
                return


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
