"""The servers that are measured: versions of sessiond as real processes, and one that does nothing.

A scenario relies on nothing of a version but its command line, the log line that says where it listens, and
its Python client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import h2load
from bench.h2load import Target
from bench.processes import CommandError, environment, output, pinned, running, server_core
from bench.wire import framed, validate_request
from tests.support.server import ISSUER
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

ROOT: Final = Path(__file__).resolve().parent.parent
_SECONDS_TO_START: Final = 30
_PYTHON: Final = (sys.executable, "-P", "-m")


@dataclass(frozen=True)
class Sessiond:
    """A version of sessiond that runs, and the token of a session that is open at it.

    `key_set` is where the keys of its issuer are.
    """

    tree: Path
    pid: int
    target: Target
    token: str
    issuer: str
    key_set: str

    async def check(self) -> None:
        """See with a real client that the token is still accepted.

        Raises:
            CommandError: it is not.
        """
        await _probe(self.tree, self.target.address, self.token)

    @property
    def pids(self) -> tuple[int, ...]:
        """The server's process: what a warm call costs costs its store nothing."""
        return (self.pid,)

    async def flood(self, *, calls: int) -> float:
        """See `h2load.flood`."""
        return await h2load.flood(self.target, calls=calls)


@dataclass(frozen=True)
class Peer:
    """Another server that answers the same calls, and the processes that work for it, such as its store."""

    pid: int
    target: Target
    others: tuple[int, ...] = ()

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return self.pid, *self.others

    async def flood(self, *, calls: int) -> float:
        """See `h2load.flood`."""
        return await h2load.flood(self.target, calls=calls)


async def revision(name: str) -> str:
    """The full id of the commit that `name` means; raises SystemExit where there is no such commit."""
    verify = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    try:
        said = await output(*verify)
    except CommandError:
        raise SystemExit(f"BENCH_BASE: found {name!r}, allowed is a revision of this repository") from None
    return said.strip()


@asynccontextmanager
async def worktree(commit: str) -> AsyncIterator[Path]:
    """The files of a commit, while they are needed."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        tree = Path(directory, "tree")
        await output(*_git("worktree", "add", "--quiet", "--detach", str(tree), commit))
        try:
            yield tree
        finally:
            await output(*_git("worktree", "remove", "--force", str(tree)))


@asynccontextmanager
async def sessiond(tree: Path, **settings: str) -> AsyncIterator[Sessiond]:
    """The version of sessiond in `tree`, on a store of its own; `settings` are as in the environment."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        own = Path(directory)
        options = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(own / "data"))
        command = pinned(server_core(), *_PYTHON, "sessiond_server", "dev", *options)
        env = {**environment(*sources(tree)), **settings}
        with (own / "log").open("wb") as log:
            async with running(*command, env=env, stderr=log) as process:
                address = await eventually(lambda: _address(process, own / "log"), timeout=_SECONDS_TO_START)
                token, answer_bytes = await _probe(tree, address)
                target = Target(address, _written(own / "body", token), answer_bytes)
                key_set = f"http://{_said(own / 'log')['http']}/.well-known/jwks.json"
                yield Sessiond(tree, process.pid, target, token, ISSUER, key_set)


@asynccontextmanager
async def empty_handler(like: Target) -> AsyncIterator[Peer]:
    """A server on the same engine that does nothing but answer: as many bytes as `like` does."""
    command = pinned(server_core(), *_PYTHON, "bench.empty_server", str(like.answer_bytes))
    async with running(*command, env=environment(ROOT), stdout=PIPE) as process:
        async with asyncio.timeout(_SECONDS_TO_START):
            address = await process.stdout.readline() if process.stdout else b""
        yield Peer(process.pid, Target(address.decode().strip(), like.body, like.answer_bytes))


async def beside(server: Sessiond, address: str) -> Target:
    """Another that answers as a server does: asked about the same token, which it accepts.

    Raises:
        CommandError: it does not, or it accepts the token with another signature too.
    """
    _, answer_bytes = await _probe(server.tree, address, server.token)
    return Target(address, server.target.body, answer_bytes)


def _git(*arguments: str) -> tuple[str, ...]:
    return ("git", "-C", str(ROOT), *arguments)


def sources(tree: Path) -> tuple[Path, Path]:
    """Where a version's server and Python client are imported from."""
    return tree / "server", tree / "clients" / "python" / "src"


def _written(path: Path, token: str) -> Path:
    path.write_bytes(framed(validate_request(token)))
    return path


def _address(process: Process, log: Path) -> str:
    """The address in the line that says where it listens; empty before that."""
    if process.returncode is not None:
        raise CommandError(f"sessiond ended with {process.returncode}: {log.read_text()}")
    return _said(log).get("grpc", "")


def _said(log: Path) -> dict[str, str]:
    """The line that says where it listens; empty before that."""
    lines = log.read_text().splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
    return next((line for line in whole if line["event"] == "listening"), {})


async def _probe(tree: Path, address: str, token: str = "") -> tuple[str, int]:
    """The token, of a new session if none is given, and the size of the answer that accepts it.

    Raises:
        CommandError: it is not accepted, or a forged one is.
    """
    # This tree comes last, and only `bench` is found there: the client is of the server's version.
    command = (*_PYTHON, "bench.probe", address)
    said = json.loads(await output(*command, stdin=token, env=environment(*sources(tree), ROOT)))
    return said["token"], said["answer_bytes"]
