"""The programs that measure clients, one in each language, which answer commands in turn.

A program is started with the address of a server and a file of tokens of it: JSON with its `issuer`, the
`jwk` of its key, and the `tokens`. For each line that it reads it writes one of JSON, and it ends with its
input:

* `fill`: keep an acceptance of each token in each of its clients. `bytes` is what that takes in memory for
  each of them, in the first client: the difference between two heaps, both after a garbage collection.
* `hits`: microseconds of its processor time for a token's SHA-256 (`digest`), for the language's own library
  to verify it (`verify`), and for an answer from memory by the name of each way to ask for one (`hits`), the
  tokens in turn. `misses` is how many validations were not answered from memory meanwhile.
* `together WAY CALLERS on|off`: for half a second so many callers, each with tokens that no other has, ask
  again as soon as they are answered, by a client that keeps nothing, with or without coalescing.
  `validations` is how often, `cpu` the processor time of the program for one of them in microseconds, and
  `latency` how many milliseconds half of them took at most.
"""

from __future__ import annotations

import json
import shutil
import sys
from asyncio import timeout
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench.processes import CommandError, environment, load_core, output, pinned, running
from bench.servers import ROOT

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

_SECONDS_TO_ANSWER: Final = 120
_SECONDS_TO_BUILD: Final = 600
_PEERS: Final = ROOT / "bench" / "peers"
_JAVA: Final = ROOT / "clients" / "java" / "bench" / "target"
_TYPESCRIPT: Final = ROOT / "clients" / "typescript" / "build" / "bench" / "main.js"


@dataclass(frozen=True)
class Language:
    """How a language's program is started, and the library that verifies tokens there.

    `ways` to ask for a verdict have names, and `budget` is what a hit should cost at most, as a ratio to
    SHA-256 of the token.
    """

    name: str
    command: tuple[str, ...]
    library: str
    budget: str
    ways: dict[str, str]


@dataclass(frozen=True, eq=False)
class Program:
    """One that runs; where a client is measured, it is on the core that makes the load elsewhere."""

    language: Language
    process: Process

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    async def ask(self, *command: str) -> dict[str, Any]:
        """What it answers.

        Raises:
            CommandError: it has ended instead.
            TimeoutError: it takes too long.
        """
        assert self.process.stdin  # noqa: S101 - it is a pipe
        assert self.process.stdout  # noqa: S101 - it is a pipe
        self.process.stdin.write(f"{' '.join(command)}\n".encode())
        async with timeout(_SECONDS_TO_ANSWER):
            line = await self.process.stdout.readline()
        if not line:
            raise CommandError(f"{self.language.name} has ended instead of an answer to {command[0]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


async def languages(built: Path) -> list[Language]:
    """Those whose tools are here, the clients of which are built; the others are named."""
    found = [await _go(built / "client"), _java(), _node(), _python()]
    return [language for language in found if language]


@asynccontextmanager
async def started(language: Language, address: str, tokens: Path) -> AsyncIterator[Program]:
    """A program of a language, about the tokens of a file."""
    command = pinned(load_core(), *language.command, address, str(tokens))
    env = environment(ROOT / "clients" / "python" / "src", ROOT)
    async with running(*command, env=env, stdin=PIPE, stdout=PIPE, stderr=sys.stderr.fileno()) as process:
        yield Program(language, process)


async def _go(to: Path) -> Language | None:
    if not _has("Go", shutil.which("go"), "go is not here"):
        return None
    await output("go", "-C", str(_PEERS), "build", "-o", str(to), "./client", seconds=_SECONDS_TO_BUILD)
    return Language("Go", (str(to),), "golang-jwt", "≤ 1.6", {"validate": "Go"})


def _java() -> Language | None:
    if not _has("Java", shutil.which("java") and (_JAVA / "lib").exists()):
        return None
    command = ("java", "-cp", f"{_JAVA}/*:{_JAVA}/lib/*", "dev.sessiond.bench.Main")
    return Language("Java", command, "nimbus-jose-jwt", "≤ 1.6", {"validate": "Java"})


def _node() -> Language | None:
    if not _has("Node", shutil.which("node") and _TYPESCRIPT.exists()):
        return None
    command = ("node", "--expose-gc", str(_TYPESCRIPT))
    return Language("Node", command, "jose", "≤ 2", {"validate": "Node", "peek": "Node, by peek"})


def _python() -> Language:
    command = (sys.executable, "-P", "-m", "bench.clients.python_program")
    ways = {"asyncio": "Python on asyncio", "threads": "Python in threads"}
    return Language("Python", command, "PyJWT", "≤ 2.2", ways)


def _has(name: str, found: object, why: str = "it is not built: make clients") -> bool:
    if not found:
        sys.stderr.write(f"clients: {name} is left out: {why}\n")
    return bool(found)
